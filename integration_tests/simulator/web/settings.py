"""What is set for the whole site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo


@dataclass(frozen=True)
class Settings:
    base_path: str
    openapi: bool
    zone: tzinfo
    latency_seconds: float
