"""Ids by which deleted records would be known are tried on the rows before anything relies on them."""

from __future__ import annotations

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, configured, discover
from .simulator import Lies, Simulator
from .simulator.web.answers import as_json, message
from .tracked_site import SETTINGS
from .tracked_site import erp as erp


def _change(erp: Simulator) -> None:
    erp.clock.advance(86_400)
    company = erp.tenant("Company")
    for key in company.keys("Customer")[:2]:
        company.update("Customer", key, {"CustomerName": f"changed at {erp.clock.now()}"})
    erp.clock.advance(60)


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_records_whose_ids_are_made_up_are_not_known_by_them(erp: Simulator, mode: str) -> None:
    config = erp.config("Company", **SETTINGS)
    chosen = configured([discover(config)["Customer"]], mode, "append_dedup")
    erp.lies = Lies(unstable_ids=True)
    destination = Destination()
    destination.sync(config, chosen, fails=True)
    assert destination.statuses == {"Customer": "INCOMPLETE"}
    assert destination.records == 0
    assert "another id in each answer" in destination.errors[0]["message"]
    assert destination.errors[0]["failure_type"] == "config_error"


def test_made_up_ids_do_no_harm_where_all_rows_are_replaced(erp: Simulator) -> None:
    config = erp.config("Company", **SETTINGS)
    catalog = catalog_of(config, "Customer", mode=FULL_REFRESH)
    erp.lies = Lies(unstable_ids=True)
    destination = Destination()
    destination.sync(config, catalog)
    assert len(destination.rows("Customer")) == len(erp.tenant("Company").rows("Customer"))
    assert not destination.warnings


def test_ids_of_another_table_are_told(erp: Simulator) -> None:
    config = erp.config("Company", **SETTINGS)
    catalog, destination = catalog_of(config, "Customer"), Destination()
    erp.rewrite(lambda request, answer: as_json({"value": []}) if "NoteID eq" in str(request.query) else answer)
    destination.sync(config, catalog)
    assert destination.statuses == {"Customer": "COMPLETE"}
    assert "none of the ids that were looked at is a NoteID in Customer" in " ".join(destination.warnings)


def test_ids_are_looked_at_once_a_day_and_never_where_odata_is_closed(erp: Simulator) -> None:
    config = erp.config("Company", **SETTINGS)
    catalog, destination = catalog_of(config, "Customer"), Destination()
    looks = []
    for _ in range(3):
        erp.requests.clear()
        destination.sync(config, catalog)
        looks.append(sum("NoteID eq" in str(request.query) for request in erp.requests))
        erp.clock.advance(36_000)
        company = erp.tenant("Company")
        company.update("Customer", company.keys("Customer")[0], {"CustomerName": f"changed {len(looks)}"})
    # At the older address a site is asked at both at first, and at the newer one twice.
    assert 1 <= looks[0] <= 3
    assert looks[1:] == [0, 0]
    _change(erp)
    erp.rewrite(lambda request, answer: message(403, "no") if "NoteID eq" in str(request.query) else answer)
    destination.sync(config, catalog)
    assert destination.statuses == {"Customer": "COMPLETE"}
    assert differences(destination, erp, ["Company"]) == []
