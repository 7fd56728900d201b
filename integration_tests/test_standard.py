"""The CDK's standard test suite for sources, in process against the simulator."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

from benchmark.process import options
from source_acumatica import SourceAcumatica
from source_acumatica.airbyte.records import Entrypoint

from .harness import catalog_of
from .simulator import Simulator

_PARAMETERS = [
    {"inquiry": inquiry, "name": name, "value": value}
    for inquiry, name, value in (
        ("AccountSummaryInquiry", "Period", "012025"),
        ("AccountSummaryInquiry", "Ledger", "ACTUAL"),
        ("InventorySummaryInquiry", "InventoryID", "AAITEM0000001"),
        ("Orders by Customer", "Customer", "C000001"),
        ("Orders by Customer", "MinTotal", "0"),
    )
]
_EMPTY = [
    {"name": "Employee", "bypass_reason": "the simulated user may not see this form"},
    {"name": "PayGroup", "bypass_reason": "this form is not set up"},
    {"name": "gi__PR-Salaries", "bypass_reason": "the simulated user may not see this inquiry"},
    {"name": "dac__Users", "bypass_reason": "nobody may see this table"},
]


class _Scenario(ConnectorTestScenario):
    """Known by its identity: pytest needs a hash, and settings in a dict have none."""

    __hash__ = object.__hash__

    @property
    def id(self) -> str:
        return f"{self.status or 'any'} connection"


# Their settings are filled in as soon as the simulator runs and has an address.
_GOOD = _Scenario(config_dict={}, empty_streams=_EMPTY, sections=("spec", "connection", "discovery", "basic_read"))
_WRONG_PASSWORD = _Scenario(config_dict={}, status="failed", sections=("connection",))


@pytest.fixture(scope="module", autouse=True)
def running_erp() -> Iterator[None]:
    with Simulator(rows=12) as sim:
        config = sim.config(
            endpoints=["Default", "MANUFACTURING"],
            dac_tables=["*"],
            track_deletions=True,
            inquiry_parameters=_PARAMETERS,
        )
        assert _GOOD.config_dict is not None
        assert _WRONG_PASSWORD.config_dict is not None
        _GOOD.config_dict.update(config)
        _WRONG_PASSWORD.config_dict.update({**config, "password": "wrong"})
        yield


class TestStandardSuite(SourceTestSuiteBase):
    connector = SourceAcumatica

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        return [_GOOD, _WRONG_PASSWORD]


def test_the_cdk_s_own_entry_point_prints_the_same_one_by_one(tmp_path: Path) -> None:
    streams = ("Customer", "SalesOrder__Details", "dac__SOOrder", "gi__BI-Customers")
    with Simulator(rows=30) as sim:
        config = sim.config(max_page_size=7, dac_tables=["SOOrder"], generic_inquiries=["BI-Customers"])
        arguments = ["read", *options(tmp_path, config=config, catalog=catalog_of(config, *streams))]
        printed = {}
        for kind in (AirbyteEntrypoint, Entrypoint):
            entrypoint = kind(SourceAcumatica())
            texts = list(entrypoint.run(entrypoint.parse_args(arguments)))
            assert any("\n" in text for text in texts) == (kind is Entrypoint)
            printed[kind] = [line for text in texts for line in text.split("\n")]
    one, other = ([_told(line) for line in lines if '"RECORD"' in line] for lines in printed.values())
    assert len(one) > 100
    assert set(one) ^ set(other) == set()
    assert len(one) == len(other)
    one, other = (_counted(lines) for lines in printed.values())
    assert one == other


def _told(line: str) -> str:
    """What a line says, with every digit, but for the ids that the ERP makes up for each answer."""
    record = json.loads(line, parse_float=str, object_pairs_hook=_lasting)["record"]
    return json.dumps([record["stream"], record["data"]], sort_keys=True)


def _lasting(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if name != "id"}


def _counted(lines: list[str]) -> dict[str, float]:
    """The records that the states of each stream count."""
    counts: dict[str, float] = defaultdict(float)
    for message in map(json.loads, lines):
        if message["type"] == "STATE":
            state = message["state"]
            counts[state["stream"]["stream_descriptor"]["name"]] += state["sourceStats"]["recordCount"]
    return counts
