"""Masks the secrets of the settings, in every form that they may have in a text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, update_secrets

_SECRETS = ("client_secret", "password")
# Shorter secrets are part of many words: with those masked, no message could be read.
_SHORTEST_MASKED_CHARACTERS = 4
# Signs that .NET's URL encoders leave as they are, and Python's does not.
_UNQUOTED = "!*()"
_PERCENT_CODE = re.compile(r"%[0-9A-F]{2}")


def hide_secrets(raw: Mapping[str, Any]) -> None:
    """Have the CDK mask every secret, in every form that it could have in a text (BEHAVIOR.md, "The CDK", trap G).

    ``raw`` may be of any shape: secrets are masked even if the settings are refused. The CDK replaces one secret after
    another, so the longest come first: a secret may contain another.
    """
    own = raw.get("tenant_credentials")
    places = [raw, *(own if isinstance(own, list | tuple) else ())]
    found = {(name, str(one[name])) for one in places if isinstance(one, Mapping) for name in _SECRETS if one.get(name)}
    update_secrets(_longest_first(form for name, secret in found for form in _masked(name, secret)))


def hide(secret: str) -> None:
    """Mask a secret that was received during the run, in all its forms."""
    for form in _longest_first(_masked("access_token", secret)):
        add_to_secrets(form)


def _longest_first(forms: Iterable[str]) -> list[str]:
    return sorted(set(forms), key=len, reverse=True)


def _masked(name: str, secret: str) -> Iterator[str]:
    """The forms of the secret to mask; very short ones only where they follow its name."""
    for form in _forms(secret):
        if len(form) >= _SHORTEST_MASKED_CHARACTERS:
            yield form
        else:
            yield from (f"{name}={form}", f'"{name}": "{form}"', f'"{name}":"{form}"', f"'{name}': '{form}'")


def _forms(secret: str) -> Iterator[str]:
    yield secret
    for quoted in (quote(secret, safe=""), quote_plus(secret), quote(secret, _UNQUOTED), quote_plus(secret, _UNQUOTED)):
        yield quoted
        # .NET's encoders write percent codes in small letters.
        yield _PERCENT_CODE.sub(lambda code: code[0].lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    # As a server quotes it that takes text without a charset for Latin-1.
    yield secret.encode(errors="surrogatepass").decode("latin-1")
    yield base64.b64encode(secret.encode(errors="surrogatepass")).decode()
