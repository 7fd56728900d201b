"""Finds the fields that hold credentials of other systems: they are left out, so that they reach no warehouse."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from source_acumatica.reading.fields import FieldKind

# Names end so: AccessToken, RefreshToken, SharedSecret, WebDAVPassword, WeatherApiKey, FtpPass, PasswordHash.
_CREDENTIAL = re.compile(
    r"(passw(or)?d|passcode|passphrase|pwd|secret|token|connectionstring|"
    r"(api|access|auth|private|encryption|signing|secret|security|consumer|license|licence|webhook)key)"
    r"(hash|salt|enc|encrypted|value|answer|\d+)?$",
    re.IGNORECASE,
)
_PASS = re.compile(r"\w*[a-z]Pass\d*")
# Fields whose names say nothing: keys under another name, and settings of plug-ins, of which any may be a password.
_KNOWN = frozenset(
    {
        ("BCBindingBigCommerce", "StoreXAuthClient"),
        ("AddressValidatorPluginDetail", "Value"),
        ("CarrierPluginDetail", "Value"),
        ("CCProcessingCenterDetail", "Value"),
        ("TaxPluginDetail", "Value"),
    }
)
# Numbers, dates and flags (PasswordChangeable) only say something about a credential.
_TEXT = frozenset({FieldKind.STRING, FieldKind.GUID, FieldKind.UNKNOWN})


def is_credential(name: str, owner: str = "") -> bool:
    """Whether a field with text holds a credential; ``owner`` is the record's or table's type, by its short name."""
    bare = name.replace("_", "")
    return bool(_CREDENTIAL.search(bare) or _PASS.fullmatch(bare)) or (owner, name) in _KNOWN


def credentials_in(fields: Mapping[str, FieldKind], owner: str, keys: Collection[str] = ()) -> list[str]:
    """The fields that are left out; a key never is, since it identifies the row."""
    return [name for name, kind in fields.items() if kind in _TEXT and name not in keys and is_credential(name, owner)]


def left_out(where: str, names: Collection[str]) -> str:
    """The log line about them."""
    return f"{where}: left out, since they hold credentials of other systems: {', '.join(names)}."
