"""Tests what an answer's cookie tells of the server's time, and when it is not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from source_acumatica.erp.request_stat import exchange_of, kind_of, seconds_at_work

PATH = "sc:~/entity/default/24.200.001/customer"
STAT = f"requeststat=+st:250+{PATH}+start:638500000000000000; path=/; secure"


@pytest.mark.parametrize(
    "cookies",
    [
        STAT,
        f"requestid=ABC; path=/, {STAT}",
        f"Locale=TimeZone=GMTM0500A&Culture=en-US; expires=Fri, 01-Jan-2027 00:00:00 GMT, {STAT}",
        STAT.replace("+st:250", "%2Bst%3A250"),
        STAT.replace("+", " "),
        f'requeststat="st:250+{PATH}"',
        "REQUESTSTAT=st:250",
        f"requeststat=+st:0+{PATH}; path=/, {STAT}",
        f"{STAT}, requeststat=+st:20+{PATH}",
        f"{STAT}, requeststat=+st:9000+{PATH}",
    ],
)
def test_the_time_is_found_however_the_cookie_comes(cookies):
    """Of several, what is the most and can be true."""
    assert seconds_at_work(cookies, until_answer=1.0) == 0.25


@pytest.mark.parametrize(
    "cookies",
    [
        "",
        "requestid=ABC; path=/",
        "requeststat=; path=/",
        f"requeststat=+st:+{PATH}",
        f"requeststat=+st:-5+{PATH}",
        f"requeststat=+st:2.5+{PATH}",
        f"requeststat=+st:25x+{PATH}",
        f"requeststat=+cost:25+{PATH}",
        f"requeststat=+st:0+{PATH}",
        f"requeststat=+st:1003+{PATH}",
        f"requeststat=+st:{'9' * 5000}+{PATH}",
        f"{PATH}+st:250",
        f"notrequeststat=+st:250+{PATH}",
    ],
)
def test_nothing_is_known_from_what_is_missing_or_broken_or_cannot_be_true(cookies):
    assert seconds_at_work(cookies, until_answer=1.0) is None


def test_a_millisecond_too_many_is_rounding():
    assert seconds_at_work("requeststat=+st:11+x", until_answer=0.0102) == 0.011


def test_a_kind_is_an_address_and_the_size_of_its_pages():
    erp = "https://erp.example.com/entity/Default/24.200.001/Customer"
    pages = {kind_of(f"{erp}?$skip={skip}&$top={top}&$expand=Contacts") for skip in (0, 100) for top in (50, 100)}
    assert pages == {f"{erp}&$top=50", f"{erp}&$top=100"}
    assert kind_of(erp) == erp


def test_an_exchange_is_read_from_the_answer():
    answer = requests.Response()
    answer.url, answer.elapsed = "https://erp.example.com/entity?$top=5", timedelta(seconds=0.3)
    answer.headers["set-cookie"] = STAT
    exchange = exchange_of(answer, sent_at=0.0, in_flight=3)
    assert (exchange.kind, exchange.until_answer, exchange.at_work) == (
        "https://erp.example.com/entity?$top=5",
        0.3,
        0.25,
    )
    assert (exchange.sent_at, exchange.in_flight) == (0.0, 3)
    assert exchange.whole > 0
