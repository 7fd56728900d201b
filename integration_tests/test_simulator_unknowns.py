"""Tests what goes wrong in contract 5, and the sides of what nobody knows of it."""

from __future__ import annotations

import pytest

from .contract_client import FIVE, FOUR, Get, Json, rows_of, site, truth
from .simulator import (
    Empty,
    Fault,
    FaultKind,
    KeyForm,
    Labels,
    Lies,
    Literals,
    Naming,
    OldCustom,
    Sent,
    Star,
)
from .simulator.store.shapes import FieldKind


def test_faults_and_hooks_strike_requests_of_contract_5() -> None:
    with site() as (erp, get):
        paths: list[str] = []
        erp.before_request(lambda request: paths.append(request.path))
        erp.faults.add(Fault(FaultKind.STATUS_409, path="/26.200.001/Customer", times=2))
        answers = [get(f"{FIVE}/Customer") for _ in range(3)]
        assert [each.status_code for each in answers] == [409, 409, 200]
        assert "still running" in answers[0].json()["exceptionMessage"]
        assert get(f"{FOUR}/Customer").status_code == 200
        assert paths == [f"{FIVE}/Customer"] * 3 + [f"{FOUR}/Customer"]


def test_changes_and_deletions_show_in_both_contracts() -> None:
    with site() as (erp, get):
        company = erp.tenant("Company")
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Status": "Back Order"})
        gone = company.keys("SalesOrder")[1]
        company.delete("SalesOrder", gone)
        for endpoint, status in ((FOUR, "Back Order"), (FIVE, {"id": "B", "description": "Back Order"})):
            rows = rows_of(get, "SalesOrder", endpoint)
            assert rows[0]["Status"]["value"] == status
            assert gone[1] not in [row["OrderNbr"]["value"] for row in rows]
        recent = f"LastModifiedDateTime ge {erp.clock.now():%Y-%m-%d}T00:00:00Z"
        assert len(rows_of(get, "SalesOrder", filter=recent)) == 1


@pytest.mark.parametrize(
    ("lies", "number"),
    [
        (Lies(most_rows=5), 5),
        (Lies(hidden=frozenset({"C000003"})), 29),
        (Lies(doubled=frozenset({"C000003"})), 31),
        (Lies(deaf=True), 30),
        (Lies(blind=True), 0),
    ],
    ids=["cap", "hidden", "doubled", "deaf", "blind"],
)
def test_lies_are_told_in_contract_5_too(lies: Lies, number: int) -> None:
    with site() as (erp, get):
        erp.lies = lies
        assert len(rows_of(get, "Customer", filter="LastModifiedDateTime ge 2020-03-01T08:15:30Z")) == number


def test_a_row_is_named_by_the_id_that_it_shows() -> None:
    with site() as (erp, get):
        erp.lies = Lies(poison=frozenset({"CRM"}))
        assert get(f"{FIVE}/Invoice", top=1).status_code == 500
        assert get(f"{FIVE}/Invoice", top=1, skip=20).status_code == 200
        erp.lies = Lies(hidden=frozenset({"CRM"}))
        assert {row["Type"]["value"]["id"] for row in rows_of(get, "Invoice")} == {"DRM", "INV"}
        assert get(f"{FIVE}/Invoice/CRM/AR000001").status_code == 500


def test_custom_fields_that_cannot_come_are_found_at_each_level() -> None:
    with site() as (erp, get):
        nested = "Details($select=LineNbr,Transactions.UsrChecked)"
        erp.lies = Lies(refused_customs=frozenset({"Details/Transactions.UsrChecked", "Document.UsrDays"}))
        assert get(f"{FIVE}/SalesOrder", expand=nested).status_code == 500
        assert get(f"{FIVE}/SalesOrder", select="*,Document.UsrDays").status_code == 500
        assert get(f"{FIVE}/SalesOrder", select="*,Document.UsrUrgency", expand="Details").status_code == 200
        erp.lies = Lies(most_customs=2)
        two, three = "OrderNbr,Document.UsrDays", "OrderNbr,Document.UsrDays,Document.UsrUrgency"
        assert rows_of(get, "SalesOrder", select=two, expand=nested)
        assert not rows_of(get, "SalesOrder", select=three, expand=nested)


def test_what_is_missing_empty_or_broken_is_so_in_contract_5_too() -> None:
    with site() as (erp, get):
        erp.lies = Lies(
            missing=frozenset({"Status", "Details/LineNbr"}),
            broken=frozenset({"Date"}),
            emptied=frozenset({"custom/Document/UsrDays"}),
        )
        row = rows_of(get, "SalesOrder", select="*,Document.UsrDays", expand="Details")[0]
        assert "Status" not in row
        assert row["Date"] == {"error": "The value cannot be read."}
        assert row["custom"]["Document"]["UsrDays"] == {}


# ------------------------------------------------------------------------------------------------ what nobody knows


def test_keys_in_addresses_may_be_labels() -> None:
    with site() as (erp, get):
        erp.lies = Lies(key_form=KeyForm.LABEL)
        assert get(f"{FIVE}/Invoice/Credit Memo/AR000001").status_code == 200
        assert get(f"{FIVE}/Invoice/CRM/AR000001").status_code == 500


@pytest.mark.parametrize(
    ("side", "status", "comes"),
    [(OldCustom.IGNORED, 200, False), (OldCustom.HONOURED, 200, True), (OldCustom.REFUSED, 400, False)],
)
def test_the_old_option_for_custom_fields(side: OldCustom, status: int, comes: bool) -> None:
    with site() as (erp, get):
        erp.lies = Lies(old_custom=side)
        answer = get(f"{FIVE}/SalesOrder", custom="Document.UsrUrgency", top=1)
        assert answer.status_code == status
        assert ("UsrUrgency" in answer.text) == comes
        assert get(f"{FIVE}/SalesOrder", top=1).status_code == 200


BOTH_LEVELS = {"select": "*,Document.UsrUrgency", "expand": "Details($select=*,Transactions.UsrChecked)"}


@pytest.mark.parametrize("nested", [False, True])
def test_a_star_beside_names_may_be_refused_or_mean_nothing(nested: bool) -> None:
    with site() as (erp, get):
        switch = "nested_star" if nested else "star"
        erp.lies = Lies(**{switch: Star.REFUSED})
        assert get(f"{FIVE}/SalesOrder", **BOTH_LEVELS).status_code == 400
        assert get(f"{FIVE}/SalesOrder", select="*", expand="Details($select=*)").status_code == 200
        erp.lies = Lies(**{switch: Star.IGNORED})
        rows = rows_of(get, "SalesOrder", **BOTH_LEVELS)
        lines = [line for row in rows for line in row["Details"]]
        assert all(("OrderNbr" in row) == nested and "Document" in row["custom"] for row in rows)
        assert all(("LineNbr" in line) != nested and "Transactions" in line["custom"] for line in lines)


def test_an_expanded_name_may_have_to_stand_in_the_select() -> None:
    with site() as (erp, get):
        erp.lies = Lies(naming=Naming.NEEDED)
        assert "Totals" in rows_of(get, "SalesOrder", expand="Totals")[0]
        for select, comes in {"OrderNbr": False, "OrderNbr,Totals": True, "*": False, "*,Totals": True}.items():
            assert ("Totals" in rows_of(get, "SalesOrder", expand="Totals", select=select)[0]) == comes, select
        erp.lies = Lies(naming=Naming.REFUSED)
        assert get(f"{FIVE}/SalesOrder", select="OrderNbr,Totals", expand="Totals").status_code == 400
        assert "Totals" in rows_of(get, "SalesOrder", select="OrderNbr", expand="Totals")[0]
        assert "files" in rows_of(get, "SalesOrder", select="OrderNbr,files", expand="files")[0]


def kinds(get: Get, schema: str, endpoint: str = FIVE) -> Json:
    schemas = get(f"{endpoint}/swagger.json").json()["components"]["schemas"]
    found = schemas[schema]["allOf"][1]["properties"]
    return {name: each["$ref"].rpartition("/")[2] for name, each in found.items() if "$ref" in each}


@pytest.mark.parametrize(
    ("side", "status", "span", "days"),
    [(Sent.LABEL, "On Hold", "01:30", "Monday, Thursday"), (Sent.ID, "H", 90, "MO,TH")],
)
def test_choices_may_be_described_as_texts_and_come_bare(side: Sent, status: str, span: object, days: str) -> None:
    with site() as (erp, get):
        company = erp.tenant("Company")
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Status": "On Hold"})
        company.update("TimeEntry", company.keys("TimeEntry")[0], {"TimeSpent": "01:30"})
        company.update("ShipVia", ("DHL",), {"DeliveryDays": ["MO", "TH"]})
        erp.lies = Lies(untyped=side)
        assert kinds(get, "SalesOrder")["Status"] == kinds(get, "ShipVia")["DeliveryDays"] == "StringValue"
        assert rows_of(get, "SalesOrder")[0]["Status"] == {"value": status}
        assert rows_of(get, "TimeEntry")[0]["TimeSpent"] == {"value": span}
        assert rows_of(get, "ShipVia")[0]["DeliveryDays"] == {"value": days}
        customs = [
            row["custom"]["Document"]["UsrDays"] for row in rows_of(get, "SalesOrder", select="Document.UsrDays")
        ]
        assert all(isinstance(each.get("value", []), list) for each in customs), "they say what they are"


def test_a_value_may_not_fit_its_description() -> None:
    with site() as (erp, get):
        before = {name: each for name, each in kinds(get, "Invoice").items()}
        first = truth(erp, "Invoice")[0]
        erp.lies = Lies(
            described={"Invoice.Hold": FieldKind.INT},
            sent={
                "Invoice.PostPeriod": Sent.PAIR, "Invoice.Status": Sent.LABEL, "Invoice.Type": Sent.ID,
                "Invoice.Date": Sent.INSTANT, "Invoice.CreatedDateTime": Sent.DAY,
                "InvoiceDetail.Account": Sent.PAIR, "Document.UsrDunningLevel": Sent.PAIR,
            },
        )  # fmt: skip
        assert kinds(get, "Invoice") == {**before, "Hold": "IntValue"}
        row = rows_of(get, "Invoice", select="*,Document.UsrDunningLevel", expand="Details")[0]
        assert row["PostPeriod"]["value"] == {"id": first["PostPeriod"], "description": first["PostPeriod"]}
        assert row["Status"]["value"] == first["Status"]["description"]
        assert row["Type"]["value"] == first["Type"]["id"]
        assert row["Date"]["value"] == f"{first['Date']}T00:00:00-05:00"
        assert len(row["CreatedDateTime"]["value"]) == len("2026-03-01")
        assert "T" in row["LastModifiedDateTime"]["value"]
        assert all(line["Account"]["value"].keys() == {"id", "description"} for line in row["Details"])
        assert "id" in row["custom"]["Document"]["UsrDunningLevel"].get("value", {"id": None})


@pytest.mark.parametrize("side", Empty)
def test_a_field_without_a_value(side: Empty) -> None:
    with site() as (erp, get):
        company = erp.tenant("Company")
        empty = {"Status": None, "Date": None, "Description": None, "custom": {"Document": {"UsrUrgency": None}}}
        company.update("SalesOrder", company.keys("SalesOrder")[0], empty)
        erp.lies = Lies(empty=side)
        row = rows_of(get, "SalesOrder", select="*,Document.UsrUrgency,Document.CuryVatTaxableTotal")[0]
        shown = {Empty.OBJECT: {}, Empty.VALUE: {"value": None}, Empty.NULL: None}[side]
        assert [row[name] for name in ("Status", "Date", "Description")] == [shown] * 3
        assert row["custom"]["Document"]["UsrUrgency"] == {"type": "CustomIntSingleSelectField"}
        erp.lies = Lies(empty=side, omits_empty_customs=True)
        row = rows_of(get, "SalesOrder", select="*,Document.UsrUrgency,Document.CuryVatTaxableTotal")[0]
        assert row["custom"]["Document"].keys() == {"CuryVatTaxableTotal"}
        assert rows_of(get, "SalesOrder", FOUR)[0]["Status"] == {}


def test_an_error_that_is_null_may_stand_beside_each_value() -> None:
    with site() as (erp, get):
        erp.lies = Lies(null_errors=True)
        row = rows_of(get, "Invoice")[0]
        assert row["ReferenceNbr"] == {"value": "AR000001", "error": None}
        assert row["Type"] == {"value": {"id": "CRM", "description": "Credit Memo"}, "error": None}


def test_labels_may_be_missing_or_in_the_language_of_the_user() -> None:
    with site() as (erp, get):
        for side, label in ((Labels.NULL, None), (Labels.TRANSLATED, "«Credit Memo»")):
            erp.lies = Lies(labels=side)
            assert rows_of(get, "Invoice")[0]["Type"]["value"] == {"id": "CRM", "description": label}


@pytest.mark.parametrize("status", [400, 500])
def test_the_literals_of_contract_4_may_be_the_only_ones(status: int) -> None:
    with site() as (erp, get):
        bare, typed = "2025-03-01T08:15:30Z", "datetimeoffset'2025-03-01T08:15:30Z'"
        known = rows_of(get, "Invoice", filter=f"LastModifiedDateTime ge {bare}")
        erp.lies = Lies(literals=Literals.TYPED, unparsed_status=status)
        assert get(f"{FIVE}/Invoice", filter=f"LastModifiedDateTime ge {bare}").status_code == status
        assert rows_of(get, "Invoice", filter=f"LastModifiedDateTime ge {typed} and Type ge 'A'") == known
        assert get(f"{FIVE}/Invoice", filter="Date ge 2025-03-01").status_code == status
        assert get(f"{FIVE}/Invoice", filter="Date ge date'2025-03-01'").status_code == 200
        assert get(f"{FIVE}/Invoice", expand="Details/X").status_code == status


def test_linked_objects_may_be_described_as_in_early_builds() -> None:
    with site() as (erp, get):
        assert "Totals" not in kinds(get, "SalesOrder")
        erp.lies = Lies(plain_references=True)
        assert kinds(get, "SalesOrder")["Totals"] == "SalesOrderTotals"
        assert "anyOf" not in get(f"{FIVE}/swagger.json").text
        assert get(f"{FIVE}/swagger.json").json()["info"]["version"] == "5"


def test_switches_of_several_lies_add_up() -> None:
    with site() as (erp, get):
        erp.lies = (Lies(sent={"Invoice.Type": Sent.ID}), Lies(sent={"Invoice.Status": Sent.ID}, only="/26.200.001/"))
        row = rows_of(get, "Invoice")[0]
        assert isinstance(row["Type"]["value"], str) and isinstance(row["Status"]["value"], str)
