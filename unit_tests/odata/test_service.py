"""Tests of answers with all rows of a list; other answers are held by the syncs against the simulator."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.reading.batches import in_batches


class Answering:
    """A client that is answered with this body, in small pieces."""

    def __init__(self, body):
        self.response = SimpleNamespace(
            status_code=200,
            headers={},
            iter_content=lambda _size: (body[at : at + 1000] for at in range(0, len(body), 1000)),
        )

    def fetch(self, *_args, read, judge, is_streamed, **_more):
        assert is_streamed
        assert judge(self.response) is None
        return read(self.response)


def unpaged(body):
    request = {"where": "", "is_unbounded": True}
    return ODataService(Answering(body)).rows("Company", ODataFeed.TABLES, "SOOrder", {}, **request)


def test_an_answer_without_pages_is_held_as_text():
    rows = [{"Nbr": str(number)} for number in range(50_000)]
    body = msgspec.json.encode({"@odata.context": "x", "value": rows, "@odata.nextLink": "SOOrder?$skip=9"})
    page = unpaged(body)
    assert (len(page.rows), page.size_bytes, page.next_link) == (50_000, len(body), "SOOrder?$skip=9")
    batches = [*in_batches(page.rows)]
    assert len(batches) > 1
    assert [row for batch in batches for row in batch] == rows
    assert unpaged(b'{"value": []}').rows == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"value": [{"Nbr": "1"}',
        b'{"value": [{"Nbr": "1"}], "error": {"message": "It ended."}}',
        b'{"value": [{"Nbr": "1"}, {"error": {"message": "It ended."}}]}',
        b'{"error": {"message": "It ended."}}',
        b"[]",
    ],
)
def test_an_answer_without_pages_that_is_no_data_gives_no_rows(body):
    with pytest.raises((BrokenAnswerError, msgspec.DecodeError)):
        unpaged(body)
