"""Tests that the list of deleted records is decoded alike, however long it is and whatever it looks like."""

from __future__ import annotations

import json

import msgspec
import pytest

from source_acumatica.erp.errors import BrokenAnswerError
from source_acumatica.odata.deleted_rows import PackedRows, decode_deleted, latest_meant, rows_of


def some_rows(count):
    return [
        {"RefNoteID": f"{number:08x}", "DeleteDate": f"2026-11-01T10:00:00.{number % 1000:03d}Z"}
        for number in range(count)
    ]


def flat(answer):
    return [{"RefNoteID": row.note_id, "DeleteDate": row.at} for piece in rows_of(answer.value) for row in piece]


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 10_000, 10_001, 25_500])
@pytest.mark.parametrize("separators", [(",", ":"), (" ,\n ", " : ")], ids=["dense", "loose"])
def test_all_rows_come_in_their_order_and_many_of_them_packed(count, separators):
    rows = some_rows(count)
    answer = decode_deleted(json.dumps({"value": rows}, separators=separators).encode())
    assert len(answer.value) == count
    assert isinstance(answer.value, PackedRows) == (count > 10_000)
    assert flat(answer) == rows


def test_rows_of_another_form_come_too():
    odd = [*some_rows(1), {"RefNoteID": "a{b}", "DeleteDate": None, "More": {"Inner": [{}]}}, *some_rows(1)]
    answer = decode_deleted(json.dumps({"value": odd, "@odata.nextLink": "T?$skiptoken=3"}).encode())
    assert [row.note_id for row in answer.value] == ["00000000", "a{b}", "00000000"]
    assert answer.next_link == "T?$skiptoken=3"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"value": 1}', b'{"value": [1]}', b'{"value": [{"RefNoteID": 1}]}',
     b'{"value": [{"RefNoteID": "a"}', b'{"value": null}',
     b'{"value": [{}]}', b'{"value": [{"RefNoteID": "a"}, {"DeleteDate": "2026-11-01T10:00:00Z"}]}',
     b'{"value": [{"refnoteid": "a"}]}', b'{"value": [null]}'],
)  # fmt: skip
def test_what_is_no_such_list_is_refused(body):
    with pytest.raises(msgspec.DecodeError):
        decode_deleted(body)


ROW = b'{"RefNoteID": "a", "DeleteDate": "2026-11-01T10:00:00Z"}'


@pytest.mark.parametrize("error", [
    b'"error": {"code": "", "message": "Timeout expired"}', b'"odata.error": {"message": {"value": "Timeout expired"}}',
    b'"Message": "Timeout expired"', b'"exceptionMessage": "Timeout expired"',
])  # fmt: skip
@pytest.mark.parametrize("rows", [0, 1, 10_001])
@pytest.mark.parametrize("place", [
    b"{%b}", b'{"value": [%b], %%b}', b'{"value": [%b, {%%b}]}', b'{"value": [{%%b}, %b]}',
], ids=["instead", "beside", "behind", "before"])  # fmt: skip
def test_an_error_is_told_with_what_the_erp_says_wherever_it_stands(place, rows, error):
    if b"%%b" not in place:
        body = place % error
    else:
        several = b", ".join([ROW] * rows)
        body = (place % several % error).replace(b"[, ", b"[").replace(b", ]", b"]")
    with pytest.raises(BrokenAnswerError, match="an error instead of data") as caught:
        decode_deleted(body)
    assert "Timeout expired" in caught.value.problem.sentence


def test_an_error_within_a_row_is_told():
    with pytest.raises(BrokenAnswerError):
        decode_deleted(b'{"value": [%b, "error": {"message": "no"}}]}' % ROW[:-1])


@pytest.mark.parametrize("body", [ROW, b'\xef\xbb\xbf{"value": [%b]}' % ROW], ids=["by itself", "behind a mark"])
def test_rows_are_read_in_the_forms_that_other_lists_are_read_in(body):
    assert [row.note_id for row in decode_deleted(body).value] == ["a"]


@pytest.mark.parametrize("count", [10_000, 10_001])
def test_rows_come_one_by_one_whether_they_are_packed_or_not(count):
    rows = decode_deleted(b'{"value": [%b]}' % b", ".join([ROW] * count)).value
    assert [row.note_id for row in rows] == ["a"] * count


def test_links_of_either_version_are_followed():
    assert decode_deleted(b'{"value": [], "odata.nextLink": "T?$skip=3"}').old_next_link == "T?$skip=3"


@pytest.mark.parametrize(("shown", "latest"), [
    ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00.999999Z"),
    ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00.999999Z"),
    ("2026-11-01T10:00:00", "2026-11-01T10:00:00.999999Z"),
    ("2026-11-01T10:00:00.8Z", "2026-11-01T10:00:00.899999Z"),
    ("2026-11-01T10:00:00.377Z", "2026-11-01T10:00:00.377999Z"),
    ("2026-11-01T10:00:00.376667Z", "2026-11-01T10:00:00.376667Z"),
    ("2026-11-01T10:00:00.3766667-05:00", "2026-11-01T15:00:00.376666Z"),
    ("2026-11-01T10:00Z", "2026-11-01T10:00:59.999999Z"),
    ("2026-11-01", "2026-11-01T23:59:59.999999Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"),
    ("", None),
])  # fmt: skip
def test_a_time_stands_for_the_end_of_the_unit_that_it_shows(shown, latest):
    assert latest_meant(shown) == latest
