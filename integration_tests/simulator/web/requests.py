"""What a client asks: a request as the site answers it, and the entry that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """Path below the site and query, both decoded as the web server decodes them: a bare `+` is a space."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def target(self) -> str:
        """The decoded path and query, as faults are matched against it."""
        pairs = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.path}?{pairs}" if pairs else self.path

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class RequestLog:
    """One request as it came; the status is 0 until it is answered."""

    method: str
    path: str  # below the virtual directory
    query: Mapping[str, str]
    tenant: str
    headers: Mapping[str, str]
    status: int = 0
    seconds: float = 0.0
    started: float = field(default_factory=monotonic)
