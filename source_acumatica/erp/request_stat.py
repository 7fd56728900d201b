"""Reads from an answer what the request has taken, and what the ERP says of that in a cookie."""

from __future__ import annotations

import re
import time
from urllib.parse import unquote

import requests

from source_acumatica.erp.concurrency import Exchange

# `requeststat=+st:<ms>+sc:<path>+start:<ticks>` (BEHAVIOR.md, "Licence"); several Set-Cookie headers come joined.
_STAT = re.compile(r"\brequeststat=([^;,]*)", re.IGNORECASE)
_MILLISECONDS = re.compile(r"(?<!\w)st:(\d{1,9})(?![\w.])")
_TOP = re.compile(r"[?&](?:\$|%24)top=\d+")
# The ERP rounds to milliseconds.
_ROUNDED_SECONDS = 0.002


def exchange_of(response: requests.Response, sent_at: float, in_flight: int) -> Exchange:
    """What is to be known of a request whose answer has come, or, if it is streamed, the headers of its answer."""
    until_answer = response.elapsed.total_seconds()
    at_work = seconds_at_work(response.headers.get("Set-Cookie", ""), until_answer)
    return Exchange(kind_of(response.url), sent_at, in_flight, until_answer, time.monotonic() - sent_at, at_work)


def seconds_at_work(cookies: str, until_answer: float) -> float | None:
    """What ``cookies``, the answer's Set-Cookie headers, say; None where that is nothing, or cannot be true.

    ``until_answer``: the seconds until the headers came. Of several values the highest counts: the others may have
    been written before the work was done.
    """
    texts = (unquote(stat) for stat in _STAT.findall(cookies))
    values = (int(found[1]) / 1000 for text in texts if (found := _MILLISECONDS.search(text)))
    return max((each for each in values if 0 < each <= until_answer + _ROUNDED_SECONDS), default=None)


def kind_of(url: str) -> str:
    """Requests to one address for as many rows mostly take the ERP about as long."""
    top = _TOP.search(url)
    return url.partition("?")[0] + (top[0] if top else "")
