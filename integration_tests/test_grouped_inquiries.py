"""Tests that what groups is read in full, and that the user is told what a wrong mode loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, configured, discover
from .simulator import Fault, FaultKind, Simulator
from .simulator.odata.edm import Column, Edm
from .simulator.odata.inquiries import CUSTOMERS, INQUIRY_BY_TITLE, GenericInquiry
from .simulator.odata.rows import latest, of
from .simulator.trouble.lies import Lies
from .stamped_inquiries import A
from .stamped_inquiries import an_erp as an_erp


def _by(monkeypatch: pytest.MonkeyPatch, read: Any, keys: Sequence[str] = ("Class",)) -> None:
    """An inquiry that groups customers by what ``read`` says of one."""
    columns = (
        Column("Class", Edm.STRING, lambda rows: read(rows[0])),
        Column("LastID", Edm.STRING, lambda rows: max(row.record.value("CustomerID") for row in rows)),
        Column("Count", Edm.INT32, len),
        Column(
            "LastModifiedOn",
            Edm.DATE_TIME,
            lambda rows: latest([row.record.value("LastModifiedDateTime") for row in rows]),
        ),
    )
    kind = replace(CUSTOMERS.type, name="ByClass", keys=tuple(keys), columns=columns)
    inquiry = GenericInquiry("BI-ByClass", kind, "Customer", group_by=(read,), filters_below=True)
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-ByClass", inquiry)  # type: ignore[misc]


def _told(destination: Destination, what: str) -> int:
    return sum(what in each for each in destination.warnings)


@pytest.mark.parametrize("is_grouped", [True, False])
def test_what_groups_is_read_in_full_since_a_filter_works_below_the_groups(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, is_grouped: bool, small_pages: None
) -> None:
    _by(monkeypatch, of("CustomerClass" if is_grouped else "CustomerID"))
    config = erp.config(generic_inquiries=["BI-ByClass"], max_page_size=3)
    catalog = catalog_of(config, "gi__BI-ByClass")
    destination = Destination()
    destination.sync(config, catalog)
    assert destination.warnings == []
    assert differences(destination, erp, [A]) == []
    for _ in range(2):
        erp.clock.advance(86_400)
        company = erp.tenant(A)
        company.update("Customer", company.keys("Customer")[2], {"CustomerName": "changed"})
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, erp, [A]) == []
        assert _told(destination, "it groups its rows") == is_grouped
    assert (destination.records == 1) is not is_grouped


@pytest.mark.parametrize("sizes", [(1, 26, 1, 1), (1, 1, 26, 1), (3, 3, 3, 3), (1,) * 40 + (2,) + (1,) * 40], ids=len)
def test_a_group_that_is_whole_does_not_speak_for_the_others(
    monkeypatch: pytest.MonkeyPatch, sizes: Sequence[int]
) -> None:
    """Of all groups but a later one every row changes."""
    names = [name for number, size in enumerate(sizes) for name in [f"G{number:02d}"] * size]
    (later,) = [f"G{number:02d}" for number, size in list(enumerate(sizes))[1:] if size == max(sizes)][-1:]
    with Simulator(rows=len(names), tenants=(A,)) as sim:
        company, config = sim.tenant(A), sim.config(generic_inquiries=["BI-ByClass"])
        groups = list(zip(company.keys("Customer"), names, strict=True))
        for key, name in groups:
            company.update("Customer", key, {"CustomerClass": name})
        _by(monkeypatch, of("CustomerClass"))
        sim.clock.advance(5 * 86_400)
        catalog, destination = catalog_of(config, "gi__BI-ByClass"), Destination()
        destination.sync(config, catalog)
        sim.clock.advance(86_400)
        for number, (key, name) in enumerate(groups):
            if name != later or number == names.index(later):
                company.update("Customer", key, {"CustomerName": "changed"})
        sim.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, sim, [A]) == []
        assert _told(destination, "it groups its rows") == 1


def test_a_key_that_is_that_of_one_row_of_a_group_is_found_out(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys in the description are those of the tables below: asked for by it, that row comes as a group."""
    _by(monkeypatch, of("CustomerClass"), ["LastID"])
    config = erp.config(generic_inquiries=["BI-ByClass"])
    catalog, destination, company = catalog_of(config, "gi__BI-ByClass"), Destination(), erp.tenant(A)
    assert catalog["streams"][0]["stream"]["source_defined_primary_key"] == [["_tenant"], ["LastID"]]
    destination.sync(config, catalog)
    for key in company.keys("Customer"):
        erp.clock.advance(86_400)
        company.update("Customer", key, {"CustomerName": "changed"})
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, erp, [A]) == []
        assert _told(destination, "it groups its rows") == 1


@pytest.mark.parametrize(("destination_mode", "is_told"), [("append_dedup", True), ("append", False)])
def test_what_is_read_in_full_and_ranked_by_a_stamp_that_goes_back_is_told(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, destination_mode: str, is_told: bool
) -> None:
    """A group whose latest row leaves it has an earlier stamp than its state before, which the destination keeps."""
    _by(monkeypatch, of("CustomerClass"))
    company, config = erp.tenant(A), erp.config(generic_inquiries=["BI-ByClass"])
    found = discover(config)["gi__BI-ByClass"]
    catalog, destination = configured([found], INCREMENTAL, destination_mode), Destination()
    (leaving, *_), rows = company.keys("Customer"), company.rows("Customer")
    other = next(row["CustomerClass"] for row in rows if row["CustomerClass"] != rows[0]["CustomerClass"])
    company.update("Customer", leaving, {"CustomerName": "the latest of its class"})
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert destination.warnings == []
    erp.clock.advance(86_400)
    company.update("Customer", leaving, {"CustomerClass": other})
    erp.clock.advance(60)
    destination.sync(config, catalog)
    (warning,) = destination.warnings
    assert ("keeps the row with the latest LastModifiedOn" in warning) is is_told
    assert ("Full Refresh | Overwrite" in warning) is is_told
    full = Destination()
    full.sync(config, configured([found], FULL_REFRESH))
    assert differences(full, erp, [A]) == []


@pytest.mark.parametrize(("destination_mode", "is_told"), [("append_dedup", True), ("append", False)])
def test_an_entity_that_cannot_be_filtered_is_told_to_be_in_the_wrong_mode(
    erp: Simulator, destination_mode: str, is_told: bool
) -> None:
    config = erp.config(generic_inquiries=[])
    found = discover(config)["Shipment"]
    catalog, destination = configured([found], INCREMENTAL, destination_mode), Destination()
    destination.sync(config, catalog)
    erp.clock.advance(86_400)
    destination.sync(config, catalog)
    (warning,) = destination.warnings
    assert "Reading all rows instead of the changed ones." in warning
    assert ("keeps the row with the latest LastModifiedDateTime" in warning) is is_told


@pytest.mark.parametrize(("destination_mode", "is_told"), [("append_dedup", True), ("append", False)])
def test_that_a_row_may_lose_by_having_lost_its_stamp_is_told(
    erp: Simulator, destination_mode: str, is_told: bool
) -> None:
    """The stamp of a table that is joined from the left: it comes in each sync, and loses against the row it was."""
    config, company = erp.config(generic_inquiries=["BI-Customers"]), erp.tenant(A)
    found = discover(config)["gi__BI-Customers"]
    catalog, destination = configured([found], INCREMENTAL, destination_mode), Destination()
    ids = {company.rows("Customer")[0]["CustomerID"]}
    erp.lies = Lies(
        shown={
            "BI-Customers.LastModifiedOn": lambda row, cell: None if row.record.value("CustomerID") in ids else cell,
        }
    )
    destination.sync(config, catalog)
    assert destination.warnings == []
    for _ in range(2):
        erp.clock.advance(86_400)
        ids.add(company.rows("Customer")[3]["CustomerID"])
        company.update("Customer", company.keys("Customer")[3], {"CustomerName": "unlinked"})
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert _told(destination, "a row that has lost its stamp stays there as it was") == is_told
        assert len(destination.warnings) == is_told


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("described", [(), ("Class",)], ids=["no key", "a key that repeats"])
def test_what_cannot_be_tried_for_groups_is_not_filtered(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, mode: str, described: Sequence[str]
) -> None:
    """Catalogs of 0.1.0 read inquiries without a key by their changes, by a key of the user's."""
    stamps = sorted(row["LastModifiedDateTime"] for row in erp.tenant(A).rows("Customer"))
    _by(monkeypatch, of("CustomerClass"), described)
    config = erp.config(generic_inquiries=["BI-ByClass"], start_date=stamps[4].isoformat())
    found = discover(config)["gi__BI-ByClass"]
    stream = {**found, "supported_sync_modes": [FULL_REFRESH, INCREMENTAL]}
    stream["source_defined_primary_key"] = [["_tenant"], ["LastID"]] if described else [["_tenant"], ["Class"]]
    catalog = configured([stream], mode)
    destination = Destination()
    for _ in range(2):
        destination.sync(config, catalog)
        assert differences(destination, erp, [A]) == []
        assert _told(destination, "whether it groups its rows cannot be checked") == 1
        assert destination.warnings == [each for each in destination.warnings if "cannot be checked" in each]
        erp.clock.advance(86_400)
        company = erp.tenant(A)
        company.update("Customer", company.keys("Customer")[2], {"CustomerName": "changed"})
        erp.clock.advance(60)


def test_of_an_inquiry_that_does_not_group_a_sync_asks_for_its_changes_once_more_and_once_a_day_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Simulator(rows=60, tenants=(A,)) as sim:
        config = sim.config(generic_inquiries=["BI-Customers"])
        catalog, destination, company = catalog_of(config, "gi__BI-Customers"), Destination(), sim.tenant(A)
        destination.sync(config, catalog)
        trials = []
        for _ in range(3):
            sim.clock.advance(3_600)
            for key in company.keys("Customer")[:15]:
                company.update("Customer", key, {"CustomerName": "changed"})
            sim.clock.advance(60)
            sim.requests.clear()
            destination.sync(config, catalog)
            asked = [request.query for request in sim.requests if "gi/BI-Customers" in request.path]
            trials.append(sum("CustomerID eq" in query.get("$filter", "") for query in asked))
            assert destination.records == 15
            assert differences(destination, sim, [A]) == []
        # The last row of a page comes with the next one. Once a day thirty rows are listed, and asked for by
        # their keys, and by their keys and stamps, of which fewer have room in an address.
        assert trials == [2 + 2 + 3, 2, 2]


def test_one_empty_answer_to_the_question_for_rows_by_their_keys_does_not_say_that_they_cannot_be_asked_for(
    erp: Simulator,
) -> None:
    config, company = erp.config(generic_inquiries=["BI-Customers"]), erp.tenant(A)
    catalog, destination = catalog_of(config, "gi__BI-Customers"), Destination()
    destination.sync(config, catalog)
    erp.clock.advance(86_400)
    company.update("Customer", company.keys("Customer")[2], {"CustomerName": "changed"})
    erp.clock.advance(60)
    erp.faults.add(Fault(FaultKind.EMPTY_200, path="CustomerID eq", times=1))
    destination.sync(config, catalog)
    assert (destination.records, destination.warnings) == (1, [])
    assert differences(destination, erp, [A]) == []
