"""Tests that a link to a further page is followed below the service only, however it is spelt."""

from __future__ import annotations

import pytest

from source_acumatica.odata.links import below

ROOT = "/t/My Company/api/odata/gi"


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("Orders?$skiptoken=3", "Orders?$skiptoken=3"),
        ("Orders", "Orders"),
        ("https://erp/t/My%20Company/api/odata/gi/Orders?$skip=3", "Orders?$skip=3"),
        ("https://behind.a.proxy/inst/t/My%20Company/api/odata/gi/Orders?$skip=3", "Orders?$skip=3"),
        ("/t/My+Company/API/OData/GI/Orders(1)/Lines?x", "Orders(1)/Lines?x"),
        ("/t/my%20company/api/odata/gi/A%2FB", "A%2FB"),
    ],
)
def test_what_stands_below_the_service_is_found_in_every_spelling(link, found):
    assert below(ROOT, link) == found


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://elsewhere/Orders?$skip=3",
        "/t/Other/api/odata/gi/Orders",
        "/t/My%20Company/api/odata/gi",
        "/t/My%20Company/api/odata/gi/../dac/Orders",
        "../dac/Orders",
        "%2e%2e/dac/Orders",
        "a\\b",
        "a%5cb",
        "http://[broken/Orders",
    ],
)
def test_a_link_that_leads_elsewhere_or_upwards_leads_nowhere(link):
    assert below(ROOT, link) is None
