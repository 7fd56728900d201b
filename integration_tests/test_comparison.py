"""Tests the comparison with the ERP: a lax one would hide the bugs of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from .comparison import compared, expected_rows
from .harness import Arrived, Row
from .simulator import Simulator

MONDAY = "2026-06-01T12:00:00.000000Z"

# ------------------------------------------------------------------------------------------------------- the comparison


def test_the_comparison_by_key_sees_what_is_missing_what_is_too_much_and_what_differs() -> None:
    expected = [{"id": 1, "A": Decimal("1.50")}, {"id": 2, "A": "x"}]
    assert list(compared(["id"], expected, [{"id": 2, "A": "x"}, {"id": 1, "A": Decimal("1.50")}])) == []
    found = set(compared(["id"], expected, [{"id": 1, "A": Decimal("1.5")}, {"id": 3, "A": "x"}]))
    assert found == {
        "row (1,), A: Decimal('1.5') instead of Decimal('1.50')",
        "row (2,) is missing",
        "row (3,) does not exist in the ERP",
    }


def test_a_key_that_several_rows_share_is_no_key() -> None:
    """Where nobody deduplicates nothing is lost by that."""
    rows = [{"Class": "KEY", "Total": 1}, {"Class": "KEY", "Total": 2}]
    assert list(compared(["Class"], rows, rows)) == ["2 rows share 1 keys: Class do not tell them apart"]
    assert list(compared(["Class"], rows, rows, is_deduped=False)) == []
    assert len(list(compared(["Class"], rows, rows[:1], is_deduped=False))) == 1
    assert len(list(compared(["Class"], rows, [rows[0], rows[0]], is_deduped=False))) == 2


def test_a_row_that_came_twice_is_a_difference() -> None:
    row = {"id": 1, "A": "x"}
    assert list(compared(["id"], [row], [row, row])) == ["row (1,) is there 2 times instead of 1"]


def test_a_value_that_its_row_says_was_left_out_is_no_difference_and_another_one_is() -> None:
    expected = {"custom": {"View": {"UsrA": "x"}}, "Name": "y"}
    for field, came, seen in (
        ("custom", {}, 1),
        ("custom.View.UsrA", {}, 1),
        ("Name", {}, 1),
        ("custom", {"View": {"UsrA": "z"}}, 2),
    ):
        row = Arrived({"id": 1, "custom": came})
        row.nulled = frozenset([field])
        assert len(list(compared(["id"], [{"id": 1, **expected}], [row]))) == seen


def test_without_a_key_the_order_does_not_matter() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    expected: list[Row] = [{"A": noon}, {"A": None}, {"A": noon}]
    assert list(compared([], expected, [{"A": None}, {"A": MONDAY}, {"A": "2026-06-01T14:00:00+02:00"}])) == []


def test_without_a_key_a_duplicate_that_is_missing_or_too_much_is_seen() -> None:
    one, two = {"A": 1}, {"A": 2}
    assert list(compared([], [one, one, two], [two, one])) == ["row {'A': 1} is missing"]
    assert list(compared([], [one, two], [two, one, one])) == ["row {'A': 1} does not exist in the ERP"]
    assert len(list(compared([], [one, one, two], [one, two, two]))) == 2
    assert list(compared([], [one], [])) == ["row {'A': 1} is missing"]


# ----------------------------------------------------------------------------------------------- the truth of the lists


def test_the_rows_of_an_inquiry_come_trimmed_with_their_tenant_and_the_columns_that_the_stream_has(
    sim: Simulator,
) -> None:
    truth = sim.tenant("Company").gi_rows("BI-Customers")
    columns = {"_tenant", "CustomerID", "LastModifiedOn", "CreditLimit"}
    rows = list(expected_rows(sim, "gi__BI-Customers", "Company", columns))
    assert len(rows) == len(truth) > 3
    assert all(row.keys() == columns and row["_tenant"] == "Company" for row in rows)
    assert [row["CustomerID"] for row in rows] == [row["CustomerID"].rstrip() for row in truth]
    assert rows[0]["CustomerID"] != truth[0]["CustomerID"]
    assert [row["LastModifiedOn"] for row in rows] == [row["LastModifiedOn"] for row in truth]


def test_the_rows_of_a_table_have_their_stamps_in_utc_and_their_days_at_midnight(sim: Simulator) -> None:
    columns = {"_tenant", "OrderNbr", "OrderDate", "LastModifiedDateTime", "NoteID", "Tstamp"}
    truth = sim.tenant("Company").dac_rows("SOOrder")
    rows = list(expected_rows(sim, "dac__SOOrder", "Company", columns | {"DeletedDatabaseRecord"}))
    assert len(rows) == len(truth) > 3
    for row, true in zip(rows, truth, strict=True):
        assert row.keys() == columns
        assert true["OrderDate"].tzinfo == timezone(timedelta(hours=-5))
        assert row["OrderDate"] == datetime.combine(true["OrderDate"].date(), datetime.min.time(), UTC)
        assert row["LastModifiedDateTime"].tzinfo is UTC
        assert row["NoteID"] == true["NoteID"]
