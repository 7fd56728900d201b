"""The releases of the ERP that the site can be: what each lists and serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from integration_tests.simulator.catalog.editions import Held
from integration_tests.simulator.catalog.endpoints import (
    BEHIND,
    DEFAULT,
    EXTRACT,
    EXTRACT_1,
    FABRIKAM,
    FABRIKAM_1,
    MANUFACTURING,
    VERSIONS_OF_DEFAULT,
    contract_of,
    default,
    manufacturing,
)
from integration_tests.simulator.store.shapes import Endpoint, Entity

TODAY = "24.200"
FIRST_OF_MANUFACTURING = "24.200.001"
# Switches of the form Enable/Disable Features, and whether they are on.
FEATURES = {
    "PX.Objects.CS.FeaturesSet+FinancialModule": True,
    "PX.Objects.CS.FeaturesSet+Inventory": True,
    "PX.Objects.CS.FeaturesSet+Manufacturing": True,
    "PX.Objects.CS.FeaturesSet+PayrollModule": False,
}


@dataclass(frozen=True, eq=False)
class Release:
    name: str
    build: str
    newest: str  # version of the endpoint `Default`

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Contract 3 is gone from the releases that have 4."""
        served = [each for each in VERSIONS_OF_DEFAULT if each <= self.newest]
        versions = [each for each in served if contract_of(each) >= min(contract_of(self.newest), 4)]
        made = [manufacturing(each) for each in served if each >= FIRST_OF_MANUFACTURING]
        return (*map(default, versions), *made, FABRIKAM_1, *((EXTRACT_1,) if self.has_contract_5 else ()))

    @property
    def has_contract_5(self) -> bool:
        return contract_of(self.newest) == 5

    @cached_property
    def entities(self) -> Mapping[tuple[str, str], Entity]:
        """What records hold, by endpoint and name."""
        edition = Held(self.newest)
        known = {
            "Default": (*DEFAULT, *BEHIND),
            "MANUFACTURING": MANUFACTURING,
            "Fabrikam": FABRIKAM,
            "Extract": EXTRACT,
        }
        return {(name, each.name): each for name, entities in known.items() for each in edition.entities(entities)}


RELEASES = {
    each.name: each
    for each in (
        Release("17.200", "17.207.0031", "17.200.001"),
        Release("18.200", "18.214.0009", "18.200.001"),
        Release("20.200", "20.210.0042", "20.200.001"),
        Release("22.200", "22.211.0018", "22.200.001"),
        Release("23.200", "23.209.0007", "23.200.001"),
        Release("24.200", "24.208.0020", "24.200.001"),
        Release("25.200", "25.201.0213", "25.200.001"),
        Release("26.100", "26.101.0225", "25.200.001"),
        Release("26.200", "26.200.0149", "26.200.001"),
    )
}
