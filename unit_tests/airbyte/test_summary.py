"""Tests the table at the end of a read: its columns, what is told of each list, and how it is kept short."""

from __future__ import annotations

from source_acumatica.airbyte.progress import End, RowCount
from source_acumatica.airbyte.summary import summary
from source_acumatica.erp.tallies import Tallies, Tally


def a_list(stream, tenant="A", records=0, **more):
    return RowCount(
        f"Tenant '{tenant}', stream {stream}", tenant, stream, records=records, **{"end": End.COMPLETE, **more}
    )


def lines(*counts, tallies=None):
    return [*summary(counts, tallies or Tallies())]


def test_lists_are_told_by_stream_and_tenant_with_their_numbers():
    tallies = Tallies()
    tallies.add("Tenant 'A', stream Customer", Tally(3, 1.25))
    tallies.add("Tenant 'A', stream Customer, keys", Tally(1))
    tallies.add("Tenant 'A', stream CustomerClass", Tally(7))
    tallies.add("Tenant 'A', description", Tally(2))
    found = lines(a_list("Vendor"), a_list("Customer", records=12345, deletions=2), tallies=tallies)
    assert found == [
        "       rows | deletions | requests | waited s | stream, tenant: what is missing or not sure",
        "     12,345 |         2 |        4 |      1.2 | Customer, A",
        "          0 |         - |        0 |      0.0 | Vendor, A",
        "     12,345 |         2 |       13 |      1.2 | in all, with requests for descriptions and the like: "
        "2 of 2 complete",
    ]


def test_what_is_missing_and_how_it_ended_stand_behind():
    found = lines(
        a_list("A", remarks=("left out: X, Y", "in part: custom")),
        a_list("B", end=End.FAILED, failure="no right"),
        a_list("C", end=End.STOPPED, remarks=("left out: Z",)),
        a_list("D", end=End.NOT_BEGUN),
        a_list("E", end=End.FAILED, failure="x" * 500),
    )
    told = [line.split(" | ")[-1] for line in found]
    assert told[1:5] == [
        "A, A: left out: X, Y; in part: custom",
        "B, A: failed: no right",
        "C, A: stopped before its end; left out: Z",
        "D, A: not begun",
    ]
    assert len(told[5]) < 220
    assert told[-1].endswith("1 of 5 complete, 1 stopped before its end, 2 failed, 1 not begun")


def test_of_a_long_table_what_is_quiet_is_told_together():
    some = [a_list(f"S{number:03d}") for number in range(110)]
    some[5] = a_list("S005", records=1)
    some[6] = a_list("S006", remarks=("left out: X",))
    some[7] = a_list("S007", deletions=0)
    some[8] = a_list("S008", end=End.STOPPED)
    found = lines(*some)
    assert len(found) == 1 + 3 + 1 + 1
    assert found[-2].endswith("107 more, complete and without rows")


def test_a_read_without_streams_has_no_table():
    assert lines() == []
