"""Tests that a list beside the streams is read to its end, in whatever way the server gives it, and no further."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.paged_list import list_pages
from source_acumatica.odata.tables import NOTE_ID, ODataFeed
from unit_tests.odata.table_service import PASSING, REFUSED, TableService, flat, of

ROWS = [{NOTE_ID: f"{number:03}"} for number in range(10)]
ORDER = {"$orderby": NOTE_ID}


def pages_of(service, most_rows=4):
    identify = lambda row: (row[NOTE_ID],)  # noqa: E731
    request = {"identify": identify, "most_rows": most_rows, "where": "here"}
    return list_pages(service, "A", ODataFeed.TABLES, "T", ORDER, **request)


def ids(pages):
    return sorted({row[NOTE_ID] for row in flat(pages)})


ALL = ids([ROWS])


@pytest.mark.parametrize("cap", [None, 1, 2, 3, 5], ids=lambda cap: f"cut at {cap}")
@pytest.mark.parametrize("most_rows", [3, 4, 10, 100])
def test_every_row_comes_whatever_the_sizes_of_pages(most_rows, cap):
    service = TableService({"T": ROWS}, cap=cap)
    assert ids(pages_of(service, most_rows)) == ALL


def test_a_row_that_is_removed_in_front_hides_no_other():
    class Shrinking(TableService):
        def rows(self, *args, **request):
            page = super().rows(*args, **request)
            self.sets["T"] = self.sets["T"][1:] if len(self.requests) < 3 else self.sets["T"]
            return page

    assert ids(pages_of(Shrinking({"T": ROWS}))) == ALL


def test_a_server_that_ignores_the_size_of_pages_gives_all_rows_once():
    class Unpaged(TableService):
        def _page(self, _rows, decode):
            return super()._page(self.sets["T"], decode)

    service = Unpaged({"T": ROWS})
    assert [row[NOTE_ID] for row in flat(pages_of(service))] == ALL
    assert len(service.requests) == 2


def test_a_list_that_cannot_be_ordered_is_read_whole_along_its_links():
    service = TableService({"T": ROWS}, lambda _name, params: REFUSED if "$orderby" in params else None, cap=3)
    assert [row[NOTE_ID] for row in flat(pages_of(service))] == ALL
    assert service.requests[-1] == ("T", {})


def test_a_failure_that_may_pass_is_no_reason_to_read_the_list_in_another_way():
    service = TableService({"T": ROWS}, of(PASSING))
    with pytest.raises(RequestFailed, match="here: no answer"):
        flat(pages_of(service))
    assert len(service.requests) == 1


def test_a_refusal_in_the_middle_is_an_error_and_not_a_second_beginning():
    service = TableService({"T": ROWS}, lambda _name, params: REFUSED if "$skip" in params else None)
    with pytest.raises(RequestFailed, match="the ERP refuses"):
        flat(pages_of(service))


def test_fewer_rows_are_asked_for_where_so_many_are_too_many():
    slow = replace(PASSING, action=Action.FEWER_ROWS)
    service = TableService({"T": ROWS}, lambda _name, params: slow if int(params["$top"]) > 5 else None)
    assert ids(pages_of(service, most_rows=10)) == ALL


def test_a_list_whose_rows_are_all_gone_in_the_middle_is_not_believed():
    class Emptied(TableService):
        def rows(self, *args, **request):
            page = super().rows(*args, **request)
            self.sets["T"] = []
            return page

    with pytest.raises(RequestFailed, match="no rows any more") as raised:
        flat(pages_of(Emptied({"T": ROWS})))
    assert raised.value.problem == Problem(Action.STOP, FailureType.transient_error, raised.value.problem.sentence)
