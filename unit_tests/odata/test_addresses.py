"""Tests of what links lead to; which addresses are asked is held by the syncs against the simulator."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import quote

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.odata.addresses import ODataAddresses
from source_acumatica.odata.tables import ODataFeed

URL = "https://erp.example.com/Site"
ROOT = f"{URL}/t/My%20Company/api/odata/dac"


def resource(link, tenant="My Company"):
    return ODataAddresses(SimpleNamespace(instance_url=URL)).resource_of(tenant, ODataFeed.TABLES, link, "SOOrder")


@pytest.mark.parametrize(
    ("link", "below"),
    [
        (f"{ROOT}/SOOrder?$skiptoken=5", "SOOrder?$skiptoken=5"),
        (f"{ROOT.upper()}/SOOrder?$skiptoken=5", "SOOrder?$skiptoken=5"),
        ("SOOrder?$skiptoken=5", "SOOrder?$skiptoken=5"),
        ("SOOrder/px.GetDeletedRecords()?$skip=1", "SOOrder/px.GetDeletedRecords()?$skip=1"),
        ("SOOrder?$skiptoken=../..", "SOOrder?$skiptoken=../.."),
        (f"{ROOT}/SOOrder?$filter=at%20gt%202025-01-01T00:00:00Z", "SOOrder?$filter=at%20gt%202025-01-01T00:00:00Z"),
        ("?$skiptoken=5", "SOOrder?$skiptoken=5"),
        ("http://erp.example.com/Site/t/My%20Company/api/odata/dac/SOOrder?$skip=1", "SOOrder?$skip=1"),
        ("https://erp.example.com:443/Site/t/My%20Company/api/odata/dac/SOOrder?$skip=1", "SOOrder?$skip=1"),
        ("http://inner:8080/Site/t/my company/api/odata/dac/SOOrder?$skip=1", "SOOrder?$skip=1"),
        ("/Site/t/My%20Company/api/odata/dac/SOOrder", "SOOrder"),
        # A proxy may map the directory, and add slashes.
        ("http://inner/t/My%20Company/api/odata/dac/SOOrder?$skip=1", "SOOrder?$skip=1"),
        ("http://inner/Prod/ERP/t/My+Company/api/odata/dac/SOOrder?$skip=1", "SOOrder?$skip=1"),
        ("/Site//t/My%20Company/api/odata//dac//SOOrder?$skip=1", "SOOrder?$skip=1"),
    ],
)
def test_a_link_is_followed_below_the_service(link, below):
    assert resource(link) == below


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://elsewhere.example.com/x",
        "https://erp.example.com/Site/t/Other/api/odata/dac/SOOrder",
        "//elsewhere.example.com/x",
        "\\\\elsewhere.example.com\\x",
        "http://[broken/Site/t/My%20Company/api/odata/dac/SOOrder",
        "javascript:alert(1)",
        "../gi/Inquiry",
        "SOOrder/../../gi/Inquiry",
        "SOOrder/%2E%2e/gi",
        f"{ROOT}/",
        f"{ROOT}x/SOOrder",
        "https://erp.example.com/My%20Company/api/odata/dac/SOOrder",
        "file:///etc/passwd",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(link):
    with pytest.raises(AirbyteTracedException, match=r"leads off https://erp\.example\.com/Site/t/My%20Company"):
        resource(link)


@pytest.mark.parametrize("tenant", ["Smith's", "A(B)", "R+D", "Zürich", "North America"])
@pytest.mark.parametrize("spell", [str, quote, lambda name: quote(name, safe="'()+")])
def test_a_tenant_may_be_spelt_in_any_way(tenant, spell):
    assert resource(f"{URL}/t/{spell(tenant)}/api/odata/dac/SOOrder?$skip=1", tenant) == "SOOrder?$skip=1"
