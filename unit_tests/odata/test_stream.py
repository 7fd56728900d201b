"""Tests what a stream of an inquiry or a table asks for, and when it asks for rows without a stamp separately."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.access import Access
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan
from source_acumatica.odata.stream import ODataStream
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.learnt import GIVES_UNSTAMPED, LOSES_UNSTAMPED
from source_acumatica.reading.window import Window
from unit_tests.odata.entity_set import AtOnce, settings

STAMP = "LastModifiedDateTime"
FIELDS = {"Nbr": FieldKind.STRING, "Total": FieldKind.DECIMAL, "NoteID": FieldKind.GUID, STAMP: FieldKind.DATE_TIME}
TABLE = ODataTable(ODataFeed.TABLES, "SOOrder", "SOOrder", FIELDS, ("Nbr",))
STAMPED = {"Nbr": FieldKind.STRING, STAMP: FieldKind.DATE_TIME}
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "Orders", "Orders", STAMPED, ("Nbr",))
ASKED = replace(INQUIRY, parameters={"Customer": "Edm.String"}, function="Orders_WithParameters")
SINCE = "2026-11-20T00:00:00.000000Z"
CHANGED = Window(SINCE)
BY_KEY = ODataPlan(("Nbr",), is_keyset=True)


class Service:
    """Keeps what it is asked, and answers with pages of these rows."""

    def __init__(self, *pages, version=4):
        self.pages, self._version, self.requests = [*pages], version, []

    def version(self, _feed, _tenant):
        return self._version

    def root(self, feed, tenant):
        return f"/t/{tenant}/api/odata/{feed}"

    def rows(self, tenant, _feed, resource, options, **request):
        self.requests.append(SimpleNamespace(tenant=tenant, resource=resource, options=options, **request))
        return ODataPage(self.pages.pop(0) if self.pages else [], 100, None)

    def follow(self, tenant, _feed, link, resource, **request):
        self.requests.append(SimpleNamespace(tenant=tenant, link=link, resource=resource, **request))
        return ODataPage([], 0, None)


def stream_of(own=TABLE, service=None, *, tenant_tables=None, columns=None, **more):
    client = SimpleNamespace(helpers=AtOnce(), pause=lambda _tries: None, reading=lambda _tenant: nullcontext())
    access = Access(SimpleNamespace(), lambda *_: None)
    configured = None if columns is None else {name: {} for name in columns}
    config = settings(**more)
    return ODataStream(own, service or Service(), tenant_tables or {"A": own}, client, config, access, configured)


# ------------------------------------------------------------------------------------------------------------- requests


def options_of(stream, window=CHANGED, **token):
    slice_ = {"tenant": "A", "window": window.as_state()}
    return stream.request_params({"cursor": "whatever"}, slice_, {"plan": BY_KEY, "top": 20, **token})


def test_a_request_depends_on_its_slice_and_its_page_token_alone():
    stream = stream_of(columns=["Nbr", "Total"])
    first = options_of(stream)
    options_of(stream, Window(), top=3)
    assert options_of(stream) == first
    assert f"{STAMP} ge 2026-11-20T00:00:00" in first["$filter"]
    assert (first["$orderby"], first["$top"]) == ("Nbr", "20")
    assert {*first["$select"].split(",")} == {"Nbr", "Total", STAMP}


def test_times_without_a_zone_are_asked_for_so_widely_that_none_is_missed():
    """Version 3 does not say in which zone its times are."""
    old, new = (options_of(stream_of(INQUIRY, Service(version=version)))["$filter"] for version in (3, 4))
    assert "2026-11-20T00:00:00" in new
    assert "2026-11-19T" in old


def test_rows_are_found_by_their_ids_within_the_row_filter_unless_it_does_not_count():
    stream = stream_of(replace(TABLE, condition="(Total gt 5)"))
    ids = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]
    found = " or ".join(f"NoteID eq {each}" for each in ids)
    plan = ODataPlan((), filters=False)
    assert options_of(stream, Window(), ids=ids, plan=plan)["$filter"] == f"(Total gt 5) and ({found})"
    unconditional = options_of(stream, Window(), ids=ids, plan=plan, is_unconditional=True)
    assert unconditional["$filter"] == f"({found})"


def test_each_tenant_is_asked_for_the_columns_and_under_the_title_that_it_has():
    own = replace(TABLE, title="Acme_SOOrder", fields={"Nbr": FieldKind.STRING, STAMP: FieldKind.DATE_TIME})
    service = Service()
    stream = stream_of(service=service, tenant_tables={"A": TABLE, "B": own})
    for tenant in ("A", "B"):
        stream._ask(tenant, {}, CHANGED, {"plan": BY_KEY, "top": 20})
    assert [(each.tenant, each.resource) for each in service.requests] == [("A", "SOOrder"), ("B", "Acme_SOOrder")]
    assert [each.columns for each in service.requests] == [[*FIELDS], ["Nbr", STAMP]]
    assert stream.path(stream_slice={"tenant": "B"}) == "/t/B/api/odata/dac/Acme_SOOrder"


def test_a_column_that_some_builds_never_give_is_not_missed():
    service = Service()
    stream_of(replace(TABLE, restricted=frozenset({"Total"})), service)._ask("A", {}, CHANGED, {"plan": BY_KEY})
    assert service.requests[0].columns == ["Nbr", "NoteID", STAMP]
    assert service.requests[0].is_unbounded, "it may bring all rows at once"


@pytest.mark.parametrize(
    ("own", "token", "is_query", "asks_again"),
    [
        (INQUIRY, {}, True, True),
        (TABLE, {}, False, True),
        (INQUIRY, {"is_proven": True}, False, False),
        (INQUIRY, {"is_search": True}, True, False),
        (INQUIRY, {"plan": ODataPlan((), filters=False)}, False, True),
    ],
    ids=["an inquiry", "a table", "a page has come by this plan", "one of many requests", "nothing can be refused"],
)
def test_silence_is_a_refusal_only_where_a_filter_or_an_order_may_be_refused(own, token, is_query, asks_again):
    service = Service()
    stream_of(own, service)._ask("A", {}, CHANGED, {"plan": ODataPlan(("Nbr",)), "top": 20, **token})
    assert (service.requests[0].is_query, service.requests[0].asks_again) == (is_query, asks_again)


def test_a_link_to_the_next_page_is_followed_below_the_same_resource():
    service = Service()
    stream_of(service=service)._ask("A", {}, CHANGED, {"plan": BY_KEY, "link": "SOOrder?$skiptoken=5"})
    assert (service.requests[0].link, service.requests[0].resource) == ("SOOrder?$skiptoken=5", "SOOrder")


def test_a_list_of_keys_asks_for_the_id_the_key_the_stamp_and_what_is_wanted_beside_them():
    service = Service()
    assert [*stream_of(service=service).key_reader("A").pages(Window())] == []
    assert {*service.requests[0].options["$select"].split(",")} == {"Nbr", "NoteID", STAMP}
    assert [*stream_of(service=service).key_reader("A", "Total").pages(Window())] == []
    assert {*service.requests[-1].options["$select"].split(",")} == {*FIELDS}


# ----------------------------------------------------------------------------------------------------------- parameters


def values(*given):
    return [{"inquiry": "Orders", "name": name, "value": value} for name, value in given]


def resources(own, *given):
    stream = stream_of(own, service := Service(), inquiry_parameters=values(*given))
    assert [*stream._reader("A").pages(Window())] == []
    return {(each.resource, each.options.get("@p1")) for each in service.requests}


def test_an_inquiry_is_asked_once_with_each_combination_of_values():
    given = [("Customer", "C1"), ("Customer", "C2")]
    function = "Orders_WithParameters(Customer=@p1)"
    assert resources(replace(ASKED, asked=("Customer",)), *given) == {(function, "'C1'"), (function, "'C2'")}


def test_combinations_that_differ_only_in_what_other_tenants_ask_for_are_one():
    own = replace(INQUIRY, others_parameters=frozenset({"Customer"}), asked=("Customer",))
    stream = stream_of(own, service := Service(), inquiry_parameters=values(("Customer", "C1"), ("Customer", "C2")))
    assert stream._parameter_sets("A") == [{}]
    assert [*stream._reader("A").pages(Window())] == []
    assert {each.resource for each in service.requests} == {"Orders"}


def test_values_that_do_not_fit_are_refused_before_anything_is_asked():
    stream = stream_of(ASKED, service := Service(), inquiry_parameters=values(("Custmer", "C1")))
    with pytest.raises(AirbyteTracedException, match="missing: Customer; unknown: Custmer"):
        stream._reader("A")
    assert service.requests == []


# ------------------------------------------------------------------------------------------------- rows without a stamp


class Facts(set):
    """What is known of a list, and since when."""

    is_fresh = knows = set.__contains__
    learn = set.add

    def __init__(self, *learnt, has_unstamped=True):
        super().__init__(learnt)
        self.has_unstamped = has_unstamped


def reader(found, *, leaves=False):
    asked = []
    return SimpleNamespace(
        leaves_unstamped=leaves, has_unstamped=lambda: asked.append(None) or found, where="here", asked=asked
    )


@pytest.mark.parametrize(
    ("facts", "found", "expected", "learnt", "is_asked"),
    [
        (Facts(), True, True, {LOSES_UNSTAMPED}, True),
        (Facts(), False, False, {GIVES_UNSTAMPED}, True),
        (Facts(GIVES_UNSTAMPED), True, False, {GIVES_UNSTAMPED}, False),
        (Facts(LOSES_UNSTAMPED), True, False, {LOSES_UNSTAMPED}, False),
        (Facts(has_unstamped=False), True, False, set(), False),
    ],
    ids=["some are left out", "none", "known today", "known in this sync", "there never was one"],
)
def test_whether_the_server_leaves_out_rows_without_a_stamp_is_tried_once_a_day(
    facts, found, expected, learnt, is_asked
):
    probe = reader(found)
    assert stream_of()._has_unstamped(probe, facts) is expected
    assert (set(facts), bool(probe.asked)) == (learnt, is_asked)


def test_where_the_reader_leaves_them_out_itself_nothing_has_to_be_tried():
    assert stream_of()._has_unstamped(probe := reader(None, leaves=True), Facts(has_unstamped=False))
    assert probe.asked == []


@pytest.mark.parametrize(
    ("own", "version", "is_shown"),
    [(TABLE, 4, True), (INQUIRY, 4, True), (INQUIRY, 3, False), (replace(INQUIRY, chosen="Date"), 4, False)],
    ids=["a table", "an inquiry's stamp", "one without a zone", "a column that may be computed"],
)
def test_stamps_show_the_database_s_clock_only_where_they_are_its_own(own, version, is_shown):
    own = replace(own, fields={**own.fields, "Date": FieldKind.DATE_TIME})
    assert stream_of(own, Service(version=version))._shows_the_clock("A") is is_shown
