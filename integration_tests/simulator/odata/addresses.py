"""The addresses of the OData services, in both generations."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from integration_tests.simulator.odata.dialects import Version

NEW_ADDRESS = re.compile(
    r"/t/(?P<tenant>[^/]+)(?P<root>/api/odata/(?P<service>gi|dac))(?:/(?P<rest>.*))?$", re.IGNORECASE
)
OLD_ADDRESS = re.compile(r"/(?P<service>odata|odatav4)(?:/(?P<tenant>[^/]*))?(?:/(?P<rest>.*))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """Where an address leads: a service of a tenant, and what is asked for in it."""

    tenant: str
    tables: bool
    version: Version
    root: str  # as it stands in addresses, below the site's
    rest: str

    @property
    def is_data(self) -> bool:
        return self.rest.rstrip("/") not in ("", "$metadata")


def find_address(path: str, new_build: bool, tenants: Collection[str], legacy: Version | None) -> Address | None:
    """Letter case matters in the tenant's name only. New builds keep the old address of the tables."""
    if new_build and (match := NEW_ADDRESS.match(path)):
        root = f"/t/{quote(match['tenant'])}{match['root']}"
        return Address(match["tenant"], match["service"].lower() == "dac", Version.V4, root, match["rest"] or "")
    match = OLD_ADDRESS.match(path)
    if match is None:
        return None
    version = _old_version(match["service"], new_build, legacy)
    return version and _old_address(match, version, tenants)


def _old_version(service: str, new_build: bool, legacy: Version | None) -> Version | None:
    if service.lower() == "odatav4":
        return Version.V4
    return legacy if new_build else Version.V3


def _old_address(match: re.Match[str], version: Version, tenants: Collection[str]) -> Address:
    """A site with one tenant may leave its name out."""
    service, tenant, rest = match["service"], match["tenant"] or "", match["rest"] or ""
    tables = service.lower() == "odatav4"
    if len(tenants) == 1 and tenant not in tenants:
        return Address(next(iter(tenants)), tables, version, f"/{service}", f"{tenant}/{rest}".strip("/"))
    return Address(tenant, tables, version, f"/{service}/{quote(tenant)}", rest)
