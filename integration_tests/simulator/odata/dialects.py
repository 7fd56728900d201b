"""The two generations of OData, and how each writes values, errors and the frame around rows."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring as quoted
from typing import Any

from integration_tests.simulator.store.values import Cell, as_instant
from integration_tests.simulator.web.answers import Answer, as_json

PLAIN: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "null",
    str: quoted,
    bool: lambda value: "true" if value else "false",
    int: str,
    bytes: lambda value: f'"{urlsafe_b64encode(value).decode()}"',
}


class Version(Enum):
    V3 = 3
    V4 = 4

    @property
    def media_type(self) -> str:
        parameter = "odata=minimalmetadata" if self is Version.V3 else "odata.metadata=minimal; odata.streaming=true"
        return f"application/json; {parameter}; charset=utf-8"


class ODataError(Exception):
    """A request that the service refuses with a sentence."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Dialect:
    """Inquiries are sent in UTC, tables in the zone of the web server."""

    version: Version
    zone: tzinfo = UTC

    def error(self, refused: ODataError) -> Answer:
        text = str(refused)
        if self.version is Version.V3:
            content = {"odata.error": {"code": "", "message": {"lang": "en-US", "value": text}}}
            return as_json(content, refused.status)
        return as_json({"error": {"code": "", "message": text}}, refused.status)

    def written(self, cell: Cell) -> str:
        if type(cell) in PLAIN:
            return PLAIN[type(cell)](cell)
        if isinstance(cell, Decimal):
            return f'"{cell:f}"' if self.version is Version.V3 else format(cell, "f")
        assert isinstance(cell, date)
        return f'"{self.instant(cell)}"'

    def instant(self, value: date) -> str:
        """With as many fractional digits as it needs, mostly three at most; version 3 says nothing of the zone."""
        moment = as_instant(value, self.zone)
        assert isinstance(moment, datetime)
        local = moment.astimezone(self.zone)
        digits = "microseconds" if local.microsecond % 1000 else "milliseconds"
        clock = local.replace(tzinfo=None).isoformat(timespec=digits).rstrip("0").rstrip(".")
        clock = clock if local.microsecond else local.replace(tzinfo=None).isoformat(timespec="seconds")
        if self.version is Version.V3:
            return clock
        return clock + (local.isoformat()[-6:] if local.utcoffset() else "Z")
