"""The `$filter` language of the OData services: what it finds in a table, and what it refuses to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration_tests.simulator import Simulator
from integration_tests.simulator.odata.dacs import DAC_BY_NAME
from integration_tests.simulator.odata.dialects import Dialect, ODataError, Version
from integration_tests.simulator.odata.filters import Parser, read_literal
from integration_tests.simulator.odata.relations import Relations
from integration_tests.simulator.odata.rows import Row

Keep = Callable[[dict[str, Any]], bool]
MARCH = datetime(2025, 3, 1, tzinfo=UTC)


class Table:
    """The orders of a tenant, filtered in both generations."""

    def __init__(self) -> None:
        self.tenant = Simulator(rows=60).tenant("Company")
        self.zone = self.tenant._zone

    def rows(self, dac: Any) -> list[Row]:
        return self.tenant.store.of(dac, self.zone)

    def numbers(self, text: str, version: Version = Version.V4) -> list[str]:
        orders, dialect = DAC_BY_NAME["SOOrder"], Dialect(version, self.zone)
        holds = Parser(text, orders, dialect, Relations(self.rows, self.zone)).predicate()
        return [str(row.record.value("OrderNbr")) for row in self.rows(orders) if holds(row)]

    def wanted(self, keep: Keep) -> list[str]:
        return [str(row["OrderNbr"]) for row in self.tenant.dac_rows("SOOrder") if keep(row)]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    yield Table()


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("Status eq 'N'", lambda row: row["Status"] == "N"),
        ("Status eq 'n'", lambda row: row["Status"] == "N"),
        ("Status ne 'N'", lambda row: row["Status"] != "N"),
        ("Hold eq true", lambda row: row["Hold"]),
        ("Hold", lambda row: row["Hold"]),
        ("not Hold", lambda row: not row["Hold"]),
        ("not (Status eq 'N' or Hold eq false)", lambda row: row["Status"] != "N" and row["Hold"]),
        (
            "Status eq 'N' or Status eq 'C' and Hold",
            lambda row: row["Status"] == "N" or (row["Status"] == "C" and row["Hold"]),
        ),
        ("(Status eq 'N' or Status eq 'C') and Hold", lambda row: row["Status"] in "NC" and row["Hold"]),
        ("Status in ('N','C')", lambda row: row["Status"] in "NC"),
        ("CuryOrderTotal gt 50000", lambda row: row["CuryOrderTotal"] > 50000),
        ("CuryOrderTotal le 50000.5", lambda row: row["CuryOrderTotal"] <= Decimal("50000.5")),
        ("50000 lt CuryOrderTotal", lambda row: row["CuryOrderTotal"] > 50000),
        ("LastModifiedDateTime ge 2025-03-01T00:00:00Z", lambda row: row["LastModifiedDateTime"] >= MARCH),
        ("LastModifiedDateTime lt 2025-03-01T03:00:00+03:00", lambda row: row["LastModifiedDateTime"] < MARCH),
        ("OrderDate eq 2025-03-01 or OrderDate ge 2025-03-02", lambda row: row["OrderDate"].date() >= MARCH.date()),
        ("OrderDesc eq null", lambda row: row["OrderDesc"] is None),
        ("OrderDesc ne null", lambda row: row["OrderDesc"] is not None),
        ("null ne OrderDesc", lambda row: row["OrderDesc"] is not None),
        ("contains(OrderDesc,'AUFTRAG 1')", lambda row: "Auftrag 1" in (row["OrderDesc"] or "")),
        ("contains(OrderDesc,'O''Brien')", lambda row: "O'Brien" in (row["OrderDesc"] or "")),
        ("startswith(OrderNbr,'00002')", lambda row: row["OrderNbr"].startswith("00002")),
        ("endswith(OrderNbr,'7') eq true", lambda row: row["OrderNbr"].endswith("7")),
        ("tolower(OrderType) eq 'so'", lambda row: row["OrderType"] == "SO"),
        ("length(OrderDesc) gt 30", lambda row: len(row["OrderDesc"] or "") > 30),
        (
            "year(OrderDate) eq 2025 and month(OrderDate) eq 3",
            lambda row: row["OrderDate"].isoformat()[:7] == "2025-03",
        ),
        ("UsrPriority ge 3", lambda row: (row["UsrPriority"] or 0) >= 3),
    ],
)
def test_a_filter_finds_the_rows_that_it_describes(table: Table, text: str, keep: Keep) -> None:
    wanted = table.wanted(keep)
    assert 0 < len(wanted) < len(table.wanted(lambda row: True))
    assert table.numbers(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "OrderDesc gt ''", "OrderDesc le ''", "not (OrderDesc gt '')", "OrderDesc gt null", "not (OrderDesc gt null)",
        "not (OrderDesc gt '' or OrderNbr eq 'x')", "not (OrderNbr ne 'x' and OrderDesc in ('a','b'))",
    ],
)  # fmt: skip
def test_a_comparison_with_null_is_neither_true_nor_false(table: Table, text: str) -> None:
    empty = set(table.wanted(lambda row: row["OrderDesc"] is None))
    assert empty
    assert not empty & set(table.numbers(text))


def test_an_id_is_a_literal_without_quotes(table: Table) -> None:
    row = table.tenant.dac_rows("SOOrder")[3]
    assert table.numbers(f"NoteID eq {row['NoteID']}") == [row["OrderNbr"]]
    assert table.numbers(f"NoteID eq {str(row['NoteID']).upper()}") == [row["OrderNbr"]]


def test_filters_reach_through_navigation(table: Table) -> None:
    customers = {row["BAccountID"]: row for row in table.tenant.dac_rows("Customer")}
    wanted = table.wanted(lambda row: customers[row["CustomerID"]]["Status"] == "A")
    assert table.numbers("CustomerByCustomerID/Status eq 'A'") == wanted


@pytest.mark.parametrize(("word", "over"), [("any", any), ("all", all)])
def test_any_and_all_look_at_the_rows_below(table: Table, word: str, over: Callable[[Any], bool]) -> None:
    lines = table.tenant.dac_rows("SOLine")
    wanted = table.wanted(
        lambda row: over(line["OrderQty"] > 50 for line in lines if line["OrderNbr"] == row["OrderNbr"])
    )
    assert table.numbers(f"SOLineCollection/{word}(line: line/OrderQty gt 50 and line/LineNbr lt 9)") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Nope eq 1", "Status eq", "Status eq 'N", "Status eq 1", "Hold eq 'true'", "OrderDate gt 'x'", "'N'", "Status",
        "NoteID eq '00000000-0000-0000-0000-000000000000'", "LastModifiedDateTime gt 2025-03-01T00:00:00",
        "LastModifiedDateTime gt 2025-02-30T00:00:00Z", "LastModifiedDateTime gt datetime'2025-03-01T00:00:00'",
        "substringof('x',OrderDesc)", "isof(OrderDesc,'Edm.String')", "contains(OrderQty,'x')", "contains(OrderDesc)",
        "Selected eq true", "Tstamp eq 'AA=='", "SOLineCollection/LineNbr eq 1", "Nope/any(x: x/LineNbr eq 1)",
        "(Status eq 'N'", "Status eq 'N')", "Status eq 'N' Hold", "and", "Status in ()", "Status xx 'N'",
        "OrderQty eq 1M",
    ],
)  # fmt: skip
def test_what_version_4_cannot_read_it_refuses(table: Table, text: str) -> None:
    with pytest.raises(ODataError):
        table.numbers(text)


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("LastModifiedDateTime ge datetime'2025-03-01T00:00:00'", lambda row: row["LastModifiedDateTime"] >= MARCH),
        ("CuryOrderTotal gt 50000M", lambda row: row["CuryOrderTotal"] > 50000),
        ("substringof('auftrag 1',OrderDesc)", lambda row: "Auftrag 1" in (row["OrderDesc"] or "")),
    ],
)
def test_version_3_has_words_of_its_own(text: str, keep: Keep) -> None:
    table = Table()
    table.zone = UTC
    assert table.numbers(text, Version.V3) == table.wanted(keep)


@pytest.mark.parametrize("text", ["contains(OrderDesc,'x')", "Status in ('N')", "OrderDate gt 2025-03-01"])
def test_version_3_knows_nothing_of_the_words_of_version_4(table: Table, text: str) -> None:
    with pytest.raises(ODataError):
        table.numbers(text, Version.V3)


@given(st.text())
def test_any_text_is_a_literal_once_its_quotes_are_doubled(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert read_literal(quoted, Dialect(Version.V4)) == text


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_and_never_breaks_the_reader(text: str) -> None:
    for version in Version:
        with suppress(ODataError):
            Parser(text, DAC_BY_NAME["SOLine"], Dialect(version), Relations(lambda dac: [], UTC)).predicate()
