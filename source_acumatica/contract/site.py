"""The endpoints and tables that the tenants have, as far as they could be asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.known_entities import is_known
from source_acumatica.contract.tables import Table, prefix
from source_acumatica.reading.table import left_out_by

WHOLE = ""
"""In place of an endpoint's name in ``failures``: the tenant as a whole, since signing in failed."""
PROOF = "?"
"""In place of an endpoint's name in ``failures``: what ``describe`` was told to ask for besides the endpoints."""


@dataclass(frozen=True, order=True)
class Endpoint:
    """An endpoint of the instance in one version."""

    name: str
    version: str

    @property
    def rank(self) -> tuple[tuple[int, ...], str]:
        """Versions compare by their numbers, whatever stands between: 9.0 is older than 24.200.001, v9 than v10.

        Those with the same numbers compare as text.
        """
        return tuple(map(int, re.findall(r"\d+", self.version))), self.version

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass
class Site:
    """The endpoints and tables of each tenant by its own description, and of all tenants together."""

    names: tuple[str, ...]
    """The endpoints that are read, by their names."""
    endpoints: tuple[Endpoint, ...] = ()
    """All that are read in any tenant: one may lack the newest version that another has."""
    listed: frozenset[str] = frozenset()
    """The names of all endpoints that any tenant has."""
    tables: list[Table] = field(default_factory=list)
    """Of all tenants together: what the streams declare."""
    own: dict[str, dict[str, Table]] = field(default_factory=dict)
    """By tenant and stream: the table that the tenant is asked for."""
    failures: dict[tuple[str, str], AirbyteTracedException] = field(default_factory=dict)
    """Why a tenant (``WHOLE``) or an endpoint of it could not be described: what it has is unknown."""
    signed_in_only: list[str] = field(default_factory=list)
    """Tenants that were only signed in to: there was no time to ask what they have."""
    untried: list[str] = field(default_factory=list)
    """Tenants that there was no time for at all."""
    missing: dict[str, AirbyteTracedException] = field(default_factory=dict)
    """Endpoints that no tenant has, with the error; only where all tenants could be asked."""
    clashes: dict[str, AirbyteTracedException] = field(default_factory=dict)
    """Names that more than one stream would have, with the error."""

    def failure(self, tenant: str, endpoints: Collection[str]) -> AirbyteTracedException | None:
        """Why it is unknown what ``tenant`` has in these endpoints, if it is."""
        found = (self.failures.get((tenant, name)) for name in (WHOLE, *endpoints))
        return next(filter(None, found), None)

    def absence(self, stream: str) -> AirbyteTracedException | None:
        """Why no tenant has the stream, if none has its endpoint."""
        return next(filter(None, map(self.missing.get, self.owners(stream))), None)

    def owners(self, stream: str) -> list[str]:
        """The endpoints that may have the stream, by its name."""
        return [name for name in self.names if may_hold(name, self.names, [stream])]

    def unnamed(self, stream: str) -> str | None:
        """What to tell the user of a stream whose endpoint the settings leave out."""
        endpoint = stream.partition("__")[0]
        if not self.owners(stream) or (endpoint in self.listed and endpoint not in self.names):
            return left_out_by("endpoints", stream)
        return None

    def raise_what_failed(self) -> None:
        """Fail if anything has failed.

        Raises:
            AirbyteTracedException: it names everything that failed.
        """
        if found := [*self.failures.values(), *self.missing.values(), *self.clashes.values()]:
            raise together(found)


def may_hold(name: str, names: Sequence[str], streams: Collection[str]) -> bool:
    """Whether one of ``streams`` may belong to the endpoint ``name`` of ``names``, by its prefix."""
    if own := prefix(name):
        return any(stream.startswith(own) for stream in streams)
    others = tuple(filter(None, map(prefix, names)))
    # An endpoint may have the name of an entity of the main endpoint, so streams of that entity have its prefix.
    return any(not stream.startswith(others) or is_known(name, stream.partition("__")[0]) for stream in streams)


def together(failures: Collection[AirbyteTracedException]) -> AirbyteTracedException:
    """One error that names everything that failed; a wrong setting outweighs a passing failure."""
    message = "\n".join(dict.fromkeys(error.message or "" for error in failures))
    worst = min(failures, key=lambda error: error.failure_type.value != "config_error")
    return AirbyteTracedException(message=message, internal_message=message, failure_type=worst.failure_type)
