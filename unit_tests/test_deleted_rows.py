"""Tests that the list of deleted records is decoded alike, however long it is and whatever it looks like."""

from __future__ import annotations

import json

import msgspec
import pytest

from source_acumatica.deleted_rows import PackedRows, decode_deleted, rows_of


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
    [b"", b"{}", b'{"error": {"message": "no"}}', b'{"value": 1}', b'{"value": [1]}', b'{"value": [{"RefNoteID": 1}]}',
     b'{"value": [{"RefNoteID": "a"}', b'{"value": null}'],
)  # fmt: skip
def test_what_is_no_such_list_is_refused(body):
    with pytest.raises(msgspec.DecodeError):
        decode_deleted(body)
