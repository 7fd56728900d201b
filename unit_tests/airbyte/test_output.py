"""Tests that the rows of a page become record batches, in their order, a piece at a time."""

from __future__ import annotations

from types import SimpleNamespace

from source_acumatica.airbyte import output
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.records import RecordBatch
from source_acumatica.reading.codec import RawRow


class Reader:
    tenant = "A"

    def __init__(self, record_bytes=1.0, runs=None):
        self.record_bytes, self._runs = record_bytes, runs

    def runs(self, rows):
        return self._runs or [(rows, ())]


def an_output(make=None, rows=lambda row: [{"_tenant": "A", **row}]):
    return Output("Customer", lambda _tenant: SimpleNamespace(make_records=make), lambda _tenant: rows)


def test_the_first_record_of_a_stream_goes_alone_and_the_others_as_a_batch():
    one, records = an_output(), [{"Id": number} for number in range(3)]
    first, others = one.messages(records)
    assert first.record.data == {"Id": 0}
    assert isinstance(others, RecordBatch)
    assert others.count == 2
    (batch,) = one.messages(records)
    assert batch.count == 3
    assert list(one.messages([])) == []


def test_rows_are_cut_into_pieces_by_the_size_of_a_row(monkeypatch):
    monkeypatch.setattr(output, "_PIECE_BYTES", 100)
    rows = [{"Id": number} for number in range(25)]
    pieces = [piece for piece, _ in an_output().pieces(Reader(10.0), rows)]
    assert [len(piece) for piece in pieces] == [10, 10, 5]
    assert [record["Id"] for piece in pieces for record in piece] == list(range(25))


def test_a_row_with_many_records_is_cut_by_its_records(monkeypatch):
    monkeypatch.setattr(output, "_PIECE_BYTES", 100)
    one = an_output(rows=lambda row: [{"Line": number} for number in range(row["lines"])])
    assert [len(piece) for piece, _ in one.pieces(Reader(1000.0), [{"lines": 10}])] == [2, 2, 2, 2, 2]


def test_pieces_name_what_their_own_rows_lack():
    runs = [([{"Id": 1}], ()), ([{"Id": 2}], ("custom",))]
    assert [lacking for _, lacking in an_output().pieces(Reader(runs=runs), [])] == [(), ("custom",)]


def test_a_row_becomes_records_in_the_way_in_which_it_was_decoded():
    one = an_output(make=lambda tenant, _row: [f"compiled for {tenant}"])
    ((piece, _),) = one.pieces(Reader(), [RawRow(), {"Id": 1}])
    assert piece == ["compiled for A", {"_tenant": "A", "Id": 1}]
