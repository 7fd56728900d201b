"""The CDK's standard test suite for sources, in process against the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

from source_acumatica import SourceAcumatica

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
