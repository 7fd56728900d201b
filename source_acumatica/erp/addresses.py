"""Query strings as they are sent, and how long they may be."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

# ASP.NET and IIS refuse query strings over 2,048 characters unless the site's web.config says otherwise
# (BEHAVIOR.md, "Lists"). What is counted is what is sent, all options together; the rest is for what a proxy may add.
LONGEST_QUERY_CHARACTERS = 1900


def encode(params: Mapping[str, str]) -> str:
    """A query string with ``$`` as it is and everything else quoted, above all ``+`` and ``:`` in date-times."""
    return urlencode(params, quote_via=quote, safe="$,/'()*@")


def fits(params: Mapping[str, str], longest: int = LONGEST_QUERY_CHARACTERS) -> bool:
    """Whether a server that takes query strings of so many characters takes this one."""
    return len(encode(params)) <= longest
