"""Tests of what links lead to; how the doors answer is held by the syncs against the simulator."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from urllib.parse import quote

import msgspec
import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import BrokenAnswerError, RequestFailed
from source_acumatica.odata.pages import ODataPage, linked_pages
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.reading.batches import in_batches

URL = "https://erp.example.com/Site"
ROOT = f"{URL}/t/My%20Company/api/odata/dac"


def resource(link, tenant="My Company"):
    return ODataService(SimpleNamespace(instance_url=URL))._resource(tenant, ODataFeed.TABLES, link, "SOOrder")


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
def test_a_link_is_followed_below_the_feed(link, below):
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


def page(link, *rows):
    return ODataPage(list(rows), 0, link)


def test_all_that_links_lead_to_is_read_and_empty_pages_are_none_the_less_followed():
    pages = {"a": page("b"), "b": page("c", 2), "c": page(None, 3)}
    assert [row for each in linked_pages(page("a", 1), pages.get, "here") for row in each.rows] == [1, 2, 3]


@pytest.mark.parametrize("links", [["a", "a"], ["a", "b", "a"], [str(number) for number in range(99)]])
def test_links_that_do_not_lead_on_are_given_up(links):
    following = iter([*links[1:], "end"])
    with pytest.raises(RequestFailed, match="here: the ERP's links to the next page do not lead on"):
        list(linked_pages(page(links[0]), lambda _link: page(next(following)), "here"))


def test_links_that_lead_on_to_the_same_rows_again_and_again_are_followed_no_further():
    """Each has another token, which the server does not heed."""
    tokens = itertools.count()

    def again(_link=""):
        return page(str(next(tokens)), 1, 2, 3)

    with pytest.raises(RequestFailed, match="do not lead on"):
        list(linked_pages(again(), again, "here"))


def test_pages_that_are_alike_for_a_while_are_read_to_their_end():
    pages = {"a": page("b", 7), "b": page("c", 7), "c": page(None, 7)}
    assert [row for each in linked_pages(page("a", 7), pages.get, "here") for row in each.rows] == [7] * 4


class Answering:
    """A client that is answered with this body, in small pieces."""

    instance_url = URL

    def __init__(self, body):
        self.response = SimpleNamespace(
            status_code=200,
            headers={},
            iter_content=lambda _size: (body[at : at + 1000] for at in range(0, len(body), 1000)),
        )

    def fetch(self, *_args, read, judge, is_streamed, **_more):
        assert is_streamed
        assert judge(self.response) is None
        return read(self.response)


def unpaged(body):
    request = {"where": "", "is_unbounded": True}
    return ODataService(Answering(body)).rows("Company", ODataFeed.TABLES, "SOOrder", {}, **request)


def test_an_answer_without_pages_is_held_as_text():
    rows = [{"Nbr": str(number)} for number in range(50_000)]
    body = msgspec.json.encode({"@odata.context": "x", "value": rows, "@odata.nextLink": "SOOrder?$skip=9"})
    page = unpaged(body)
    assert (len(page.rows), page.size_bytes, page.next_link) == (50_000, len(body), "SOOrder?$skip=9")
    batches = [*in_batches(page.rows)]
    assert len(batches) > 1
    assert [row for batch in batches for row in batch] == rows
    assert unpaged(b'{"value": []}').rows == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"value": [{"Nbr": "1"}',
        b'{"value": [{"Nbr": "1"}], "error": {"message": "It ended."}}',
        b'{"value": [{"Nbr": "1"}, {"error": {"message": "It ended."}}]}',
        b'{"error": {"message": "It ended."}}',
        b"[]",
    ],
)
def test_an_answer_without_pages_that_is_no_data_gives_no_rows(body):
    with pytest.raises((BrokenAnswerError, msgspec.DecodeError)):
        unpaged(body)
