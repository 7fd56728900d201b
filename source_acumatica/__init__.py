"""An Airbyte source that keeps tables equal to those of Acumatica ERP."""

from source_acumatica.source import SourceAcumatica

__all__ = ["SourceAcumatica"]
