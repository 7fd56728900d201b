"""Writes query strings as they are sent, within the length that servers accept."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

# ASP.NET and IIS refuse query strings over 2,048 characters unless the site's web.config says otherwise
# (BEHAVIOR.md, "Lists"). The whole query string counts, as it is sent; the rest is left for what a proxy may add.
LONGEST_QUERY_CHARACTERS = 1900


def encode(params: Mapping[str, str]) -> str:
    """A query string with ``$`` as it is and everything else quoted, above all ``+`` and ``:`` in date-times."""
    return urlencode(params, quote_via=quote, safe="$,/'()*@")


def fits(params: Mapping[str, str], longest: int = LONGEST_QUERY_CHARACTERS) -> bool:
    """Whether the query string is no longer than the server accepts."""
    return len(encode(params)) <= longest
