"""An Airbyte source that keeps tables equal to those of Acumatica ERP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_acumatica.source import SourceAcumatica

__all__ = ["SourceAcumatica"]


def __getattr__(name: str) -> Any:
    """Load the source when it is asked for: with it comes the CDK, which not every command needs."""
    if name != "SourceAcumatica":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from source_acumatica.source import SourceAcumatica

    return SourceAcumatica
