"""Gives the settings as the message of the protocol, the same as the CDK's to the byte."""

from __future__ import annotations

from pkgutil import get_data
from typing import Any

import orjson
import yaml

# In the order in which the CDK's model of the message has them, with the values that it adds.
_PARTS: dict[str, Any] = {
    "connectionSpecification": {},
    "documentationUrl": None,
    "supportsNormalization": False,
    "supportsDBT": False,
}


def specification_message() -> str:
    """The message SPEC, made of ``spec.yaml``."""
    written = yaml.safe_load(get_data("source_acumatica", "spec.yaml") or b"")
    return orjson.dumps({"type": "SPEC", "spec": _PARTS | written}).decode()
