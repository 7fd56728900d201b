"""Each kind of lie alone: whatever the ERP claims, a stream that succeeds is right, and one that fails goes on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from source_acumatica.contract.tables import Table

from .conftest import IS_SOAK, in_turns
from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, configured, differences, discover
from .histories import SITES, WEATHER
from .simulator import ErrorPlace, Fault, FaultKind, Lies, Simulator
from .simulator.odata.edm import Access
from .simulator.odata.inquiries import INQUIRY_BY_TITLE, OPEN_ORDERS
from .simulator.tenants import Tenant
from .simulator.trouble.lies import Half
from .simulator.web.answers import message
from .simulator.web.requests import Request
from .test_histories import live_through
from .test_sync import catalog_of

COMPANY = ["Company"]
CUSTOMERS = ("Customer", "gi__BI-Customers", "dac__Customer")
SETTINGS: dict[str, Any] = {
    "generic_inquiries": ["BI-Customers", "GL-Transactions"],
    "dac_tables": ["Customer", "SOLine", "Vendor", "GLTran"],
}
CHANGES = [
    ("insert order", 0, [{"OrderQty": 2}, {"OrderQty": 3}]),
    ("change lines", 1, [{"OrderQty": 4}]),
    ("delete order", 0, 4),
    ("change customer", 2, 3),
    ("insert customer", 0, 5),
    ("rename customer", 0, 4),
    ("change batch", 3, 2),
    ("insert vendor without a stamp", 0, 1),
    ("insert batch without a stamp", 0, 1),
    ("change vendor without a stamp", 0, 1),
]
# At the first request of a sync, and in the middle of its lists.
BEGINS = (1, 4, 9, 15) if IS_SOAK else (4,)
# Changes in good weather before the weather: the first sync, before all changes, is in good weather too.
GOOD_DAYS_BEFORE = 1 if IS_SOAK else 0
# What is missed until the next day, when it is over, is what an incremental sync asks for: that is where it is tried.
OF_CHANGES = [] if IS_SOAK else [name for name, weather in WEATHER.items() if weather.waits_a_day]
WEATHER_BY_MODE = [
    *in_turns([name for name in WEATHER if name not in OF_CHANGES], (FULL_REFRESH, INCREMENTAL)),
    *((name, INCREMENTAL) for name in OF_CHANGES),
]
# Where what a site does otherwise is in its lists themselves, and not in what is asked of changes alone.
SITES_BY_MODE = [
    *((site, INCREMENTAL) for site in SITES),
    *((site, FULL_REFRESH) for site in SITES if IS_SOAK or re.search("rows|cap|pages|keys", site)),
]


def day(weather: str = "", begins: int = 1) -> dict[str, Any]:
    times, nothing = 2, {"meanwhile": None, "crash": None}
    return {"changes": CHANGES, "minutes": 60, "weather": weather, "begins": begins, "times": times, **nothing}


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=12, tenants=("Company",)) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0


def catalog(sim: Simulator, *names: str, mode: str, **settings: Any) -> dict[str, Any]:
    found = discover(sim.config(**SETTINGS | settings))
    return configured([found[name] for name in names], mode)


def insert_unstamped(sim: Simulator) -> Tenant:
    """A vendor and a batch without a stamp."""
    company = sim.tenant("Company")
    company.insert("Vendor", {"VendorID": "UNSTAMPED", "LastModifiedDateTime": None})
    batch = {"Module": "GL", "BatchNbr": "UNSTAMPED", "LastModifiedDateTime": None, "Details": [{"LineNbr": 1}]}
    company.insert("JournalTransaction", batch)
    return company


def expect_right_or_failed(sim: Simulator, destination: Destination) -> None:
    """Whatever has come whole has come right, each row once."""
    right = {name for name, status in destination.statuses.items() if status == "COMPLETE"}
    wrong = [each for each in differences(destination, sim, COMPANY) if each.split(": ")[0].split(", ")[1] in right]
    assert wrong == []
    assert not any(destination.exact_repeats[name] for name in right)


# ---------------------------------------------------------------------------------------------- all kinds, in a history


@pytest.mark.parametrize("begins", BEGINS)
@pytest.mark.parametrize(("weather", "mode"), WEATHER_BY_MODE)
def test_no_kind_of_lie_or_fault_makes_a_sync_succeed_with_a_difference(weather: str, begins: int, mode: str) -> None:
    # A full refresh begins anew each time, and the one that ends each history is enough.
    days_after = 1 if IS_SOAK or mode == INCREMENTAL else 0
    live_through(mode, "honest", [*[day()] * GOOD_DAYS_BEFORE, day(weather, begins), *[day()] * days_after])


@pytest.mark.parametrize(("site", "mode"), SITES_BY_MODE)
def test_what_a_site_always_does_otherwise_is_read_right_or_not_at_all(site: str, mode: str) -> None:
    live_through(mode, site, [day(), day()])


# ---------------------------------------------------------------------------------------------------- the end of a list


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("hidden", [[1, 2], [2, 3], [4, 5, 6], [11, 12], [2, 3, 5, 6, 8, 9]], ids=str)
def test_rows_that_are_hidden_from_a_page_do_not_end_the_list(
    stream: str, hidden: list[int], erp: Simulator, small_pages: None
) -> None:
    erp.lies = Lies(hidden=frozenset(f"C{number:06d}" for number in hidden))
    destination = Destination()
    destination.sync(erp.config(**SETTINGS, max_page_size=3), catalog(erp, stream, mode=FULL_REFRESH))
    assert differences(destination, erp, COMPANY) == []


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("most_rows", [25, 100, 333])
def test_a_cap_of_any_number_does_not_end_the_list(stream: str, most_rows: int) -> None:
    with Simulator(rows=2 * most_rows + 7, tenants=("Company",)) as sim:
        chosen = catalog(sim, stream, mode=FULL_REFRESH)
        sim.lies = Lies(most_rows=most_rows)
        destination = Destination()
        destination.sync(sim.config(**SETTINGS), chosen)
        assert len(destination.rows(stream)) == 2 * most_rows + 7
        assert not destination.exact_repeats.total()


# ------------------------------------------------------------------------------------------------------ another order


@pytest.mark.parametrize("begins", range(2, 12))
@pytest.mark.parametrize("stream", ["Customer", "SalesOrder", "Fabrikam__Equipment", "Fabrikam__OpenItems"])
def test_a_list_that_comes_in_another_order_in_the_middle_is_read_whole_and_once_or_fails(
    stream: str, begins: int, small_pages: None
) -> None:
    with Simulator(rows=40, tenants=("Company",)) as sim:
        settings = {"endpoints": ["Default", "Fabrikam"], "generic_inquiries": [], "max_page_size": 8}
        chosen = configured([discover(sim.config(**settings))[stream]], FULL_REFRESH)
        lists = itertools.count(1)

        def hook(request: Request) -> None:
            if "$skip" in request.query and next(lists) == begins:
                sim.lies = Lies(reordered=1)

        sim.before_request(hook)
        destination = Destination()
        destination.sync(sim.config(**settings), chosen, fails=True)
        expect_right_or_failed(sim, destination)
        assert destination.statuses[stream] == "COMPLETE" or stream == "Fabrikam__OpenItems"


# ----------------------------------------------------------------------------------------------- once in a full refresh


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("times", range(1, 8))
@pytest.mark.parametrize("kind", [FaultKind.STATUS_500, FaultKind.EMPTY_200, FaultKind.STATUS_504])
def test_faults_in_mid_list_bring_no_row_twice(
    stream: str, times: int, kind: FaultKind, erp: Simulator, small_pages: None
) -> None:
    config, chosen = erp.config(**SETTINGS, max_page_size=3), catalog(erp, stream, mode=FULL_REFRESH)
    erp.faults.add(Fault(kind, path=r"Customers?[?].*(skip|filter)=", after=1, times=times))
    destination = Destination()
    destination.sync(config, chosen, fails=True)
    expect_right_or_failed(erp, destination)
    assert times > 2 or destination.statuses == {stream: "COMPLETE"}


# ------------------------------------------------------------------------------------------------ keys against the rows


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("unordered", [False, True])
def test_keys_that_repeat_behind_what_discover_saw_merge_no_rows(mode: str, unordered: bool, small_pages: None) -> None:
    """In full refresh nobody deduplicates, so all rows come; where somebody would, the stream fails and says why."""
    with Simulator(rows=12, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, max_page_size=3), "gi__GL-Transactions"
        chosen = catalog(sim, name, mode=mode)
        shown = {"GL-Transactions.LineNbr": lambda row, cell: 1 if row.handle > 6 else cell}
        sim.lies = Lies(shown=shown, unordered=unordered)
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        expect_right_or_failed(sim, destination)
        if mode == FULL_REFRESH:
            assert destination.statuses == {name: "COMPLETE"}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_keys_that_are_null_merge_no_rows(mode: str, small_pages: None) -> None:
    with Simulator(rows=12, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, track_deletions=True, max_page_size=3), "dac__SOLine"
        chosen = catalog(sim, name, mode=mode, track_deletions=True)
        sim.lies = Lies(shown={"SOLine.NoteID": lambda row, cell: None if row.line_number == 2 else cell})
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        expect_right_or_failed(sim, destination)
        assert destination.statuses == {name: "INCOMPLETE" if mode == INCREMENTAL else "COMPLETE"}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
def test_ids_that_rows_far_apart_share_merge_no_rows(mode: str, small_pages: None) -> None:
    """As those of a view with a row for each line, and with the document's id."""
    with Simulator(rows=24, tenants=("Company",)) as sim:
        config, name = sim.config(**SETTINGS, track_deletions=True, max_page_size=3), "dac__Customer"
        chosen = catalog(sim, name, mode=mode, track_deletions=True)
        ids: dict[int, Any] = {}
        sim.lies = Lies(shown={"Customer.NoteID": lambda row, cell: ids.setdefault(row.handle % 20, cell)})
        destination = Destination()
        destination.sync(config, chosen, fails=True)
        if mode == FULL_REFRESH:
            assert len(destination.rows(name)) == len(sim.tenant("Company").dac_rows("Customer")) > len(ids)
        else:
            assert "several rows have the same NoteID" in destination.errors[0]["message"]
        assert destination.statuses == {name: "INCOMPLETE" if mode == INCREMENTAL else "COMPLETE"}


def test_a_list_that_has_hidden_rows_before_is_looked_at_far_behind_its_end() -> None:
    """What is changed by others all at once is a longer run than one look reaches over."""
    with Simulator(rows=400, tenants=("Company",)) as sim:
        company = sim.tenant("Company")
        keys = [key for (key,) in company.keys("Customer")]
        hidden = keys[101:-1:2]
        sim.lies = Lies(hidden=frozenset(hidden))
        config = sim.config(**SETTINGS, include_custom_fields=False, max_page_size=50)
        chosen, destination = configured([discover(config)["Customer"]], INCREMENTAL), Destination()
        destination.sync(config, chosen)
        assert len(destination.rows("Customer")) == len(keys) - len(hidden)
        sim.clock.advance(7200)
        for key in (keys[0], *hidden, keys[-1]):
            company.update("Customer", (key,), {"CustomerName": "changed"})
        destination.sync(config, chosen)
        changed = [row["CustomerID"] for row in destination.rows("Customer") if row["CustomerName"] == "changed"]
        assert changed == [keys[0], keys[-1]]
        sim.clock.advance(7200)
        before = len(sim.requests)
        destination.sync(config, chosen)
        assert len([one for one in sim.requests[before:] if one.path.endswith("/Customer")]) < 40


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("page_rows", [3, 8])
@pytest.mark.parametrize("has_note_id", [True, False])
def test_keys_of_an_entity_that_rows_far_apart_share_merge_no_rows(
    mode: str, page_rows: int, has_note_id: bool, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those that lack a part, such as a type within which numbers are given: known by the entity's name alone."""
    if not has_note_id:
        monkeypatch.setattr(Table, "has_note_id", False)
    with Simulator(rows=24, tenants=("Company",)) as sim:
        config = sim.config(**SETTINGS, max_page_size=page_rows)
        found = configured([discover(config)["Customer"]], mode, APPEND_DEDUP)
        sim.rewrite(lambda request, answer: replace(answer, body=shortened(answer.body)))
        destination = Destination()
        destination.sync(config, found, fails=True)
        assert destination.statuses == {"Customer": "INCOMPLETE"}
        assert "several rows have the same CustomerID" in destination.errors[0]["message"]


def shortened(body: bytes) -> bytes:
    """Customers with the keys of the first ten of them, again and again."""
    key = rb'("CustomerID":\s*\{"value":\s*"C)(\d{6})"'
    return re.sub(key, lambda found: found[1] + b'%06d"' % (int(found[2]) % 10), body)


@pytest.mark.parametrize("stream", ["dac__Vendor", "gi__GL-Transactions"])
def test_where_rows_without_a_stamp_cannot_be_asked_for_they_are_warned_of(stream: str) -> None:
    with Simulator(rows=6, tenants=("Company",)) as sim:
        insert_unstamped(sim)
        chosen, destination = catalog(sim, stream, mode=INCREMENTAL), Destination()
        sim.lies = Lies(null_filters=False)
        warnings = []
        for _ in range(2):
            destination.sync(sim.config(**SETTINGS), chosen)
            assert differences(destination, sim, COMPANY) == []
            warnings += destination.warnings
            sim.clock.advance(86_400)
        assert [each for each in warnings if stream in each and "stamp" in each]


@pytest.mark.parametrize("stream", ["dac__Vendor", "gi__GL-Transactions"])
@pytest.mark.parametrize(
    ("lost", "starts"), [(Half.SECOND, False), (Half.SECOND, True), (Half.FIRST, False), (Half.FIRST, True)]
)
def test_changed_rows_and_those_without_a_stamp_are_asked_for_apart_where_half_of_the_filter_is_lost(
    stream: str, lost: Half, starts: bool
) -> None:
    with Simulator(rows=6, tenants=("Company",)) as sim:
        company = insert_unstamped(sim)
        chosen, destination = catalog(sim, stream, mode=INCREMENTAL), Destination()
        settings = {**SETTINGS, **({"start_date": "1990-01-01T00:00:00Z"} if starts else {})}
        sim.lies = Lies(lost_half=lost)
        warned = 0
        for day in range(8):
            sim.clock.advance(21_600)
            company.update("Vendor", ("UNSTAMPED",), {"VendorName": f"{day}", "LastModifiedDateTime": None})
            stamped = [key for key in company.keys("Vendor") if key != ("UNSTAMPED",)]
            company.update("Vendor", stamped[day % 6], {"VendorName": f"stamped {day}"})
            orders = [key for key in company.keys("JournalTransaction") if key[-1] != "UNSTAMPED"]
            company.update("JournalTransaction", orders[day % 6], {"Description": f"stamped {day}"})
            changed = {"Description": f"{day}", "LastModifiedDateTime": None}
            company.update("JournalTransaction", ("GL", "UNSTAMPED"), changed)
            before = len(sim.requests)
            destination.sync(sim.config(**settings), chosen)
            assert differences(destination, sim, COMPANY) == []
            asked = [one for one in sim.requests[before:] if re.fullmatch(r"\w+ eq null", one.query.get("$filter", ""))]
            assert len(asked) <= 4
            warned += len([line for line in destination.warnings if "They are asked for separately" in line])
        # Of an inquiry that does not show its keys nobody can try whether it groups: it is read in full.
        assert (stream.startswith("dac")) <= warned <= 3, "once a day"
        fresh = Destination()
        fresh.sync(sim.config(**settings), catalog(sim, stream, mode=FULL_REFRESH))
        assert differences(fresh, sim, COMPANY) == []
        assert not fresh.exact_repeats.total()


# --------------------------------------------------------------------------------------------- state stays where it was


@pytest.mark.parametrize(
    "lies",
    [
        Lies(only="Customer", forbidden=True),
        Lies(only=r"Customer[?].*skip=[1-9]", not_set_up=True),
        Lies(only="Customer", poison=frozenset({"C000003"})),
        Lies(only="Customer", error=ErrorPlace.AMONG),
        Lies(only="Customer", missing=frozenset({"MainContact"}), is_missing_alone=True),
    ],
    ids=["rights taken away", "not set up in mid-list", "poison", "error among the rows", "part missing"],
)
def test_what_could_not_be_read_comes_when_it_can_be(lies: Lies, erp: Simulator, small_pages: None) -> None:
    config, chosen = erp.config(max_page_size=3, generic_inquiries=[]), catalog(erp, "Customer", mode=INCREMENTAL)
    destination, company = Destination(), erp.tenant("Company")
    destination.sync(config, chosen)
    erp.clock.advance(86_400)
    for key in company.keys("Customer"):
        company.update("Customer", key, {"CustomerName": "changed"})
    erp.clock.advance(3600)
    erp.lies = lies
    destination.sync(config, chosen, fails=True)
    expect_right_or_failed(erp, destination)
    erp.lies = ()
    erp.clock.advance(86_400)
    destination.sync(config, chosen)
    assert differences(destination, erp, COMPANY) == []


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers"])
def test_where_stamps_have_gone_back_the_user_is_told_to_refresh(
    stream: str, erp: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows that are as they were before are older than those that a destination has, and would lose against them.

    Of an inquiry that is no warning, since the latest row may as well not fulfil its conditions any more.
    """
    caplog.set_level("INFO")
    company, destination = erp.tenant("Company"), Destination()
    chosen = catalog(erp, stream, mode=INCREMENTAL)
    destination.sync(erp.config(**SETTINGS), chosen)
    snapshot = company.snapshot()
    erp.clock.advance(86_400)
    company.update("Customer", company.keys("Customer")[0], {"CustomerName": "to be undone"})
    erp.clock.advance(60)
    destination.sync(erp.config(**SETTINGS), chosen)
    destination.sync(erp.config(**SETTINGS), chosen)
    assert not [each for each in destination.warnings if "snapshot" in each]
    company.restore(snapshot)
    erp.clock.advance(90_000)
    destination.sync(erp.config(**SETTINGS), chosen)
    told = [each for each in caplog.records if "snapshot" in each.getMessage() and stream in each.getMessage()]
    assert [each.levelname for each in told] == ["INFO" if stream.startswith("gi") else "WARNING"]
    caplog.clear()
    destination.sync(erp.config(**SETTINGS), chosen)
    assert "snapshot" not in caplog.text


@pytest.mark.parametrize("stream", ["gi__Open Orders 2.0", "SalesOrder", "dac__SOOrder"])
def test_a_row_that_leaves_a_condition_is_nothing_to_warn_of(
    stream: str, erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of an inquiry, which shows its keys, or a row filter: the latest order is completed."""
    columns = tuple(replace(column, access=Access.FREE) for column in OPEN_ORDERS.type.columns)
    shown = replace(OPEN_ORDERS, type=replace(OPEN_ORDERS.type, columns=columns))
    monkeypatch.setitem(INQUIRY_BY_TITLE, OPEN_ORDERS.title, shown)
    filters = {"SalesOrder": "Status eq 'Open'", "dac__SOOrder": "Status eq 'N'"}
    config = erp.config(
        generic_inquiries=["Open*"],
        dac_tables=["SOOrder"],
        row_filters=[{"stream": name, "filter": text} for name, text in filters.items()],
    )
    chosen = configured([discover(config)[stream]], INCREMENTAL)
    company, destination = erp.tenant("Company"), Destination()
    *others, order = company.keys("SalesOrder")
    for key in (order, *others[:3]):
        company.update("SalesOrder", key, {"Status": "Open"})
        erp.clock.advance(60)
        destination.sync(config, chosen)
        assert destination.records >= 1
        assert destination.warnings == []
        erp.clock.advance(3600)
        company.update("SalesOrder", key, {"Status": "Completed"})
        erp.clock.advance(60)
        destination.sync(config, chosen)
        assert (destination.records, destination.warnings) == (0, [])
        erp.clock.advance(3600)


def test_an_inquiry_that_compares_times_otherwise_than_it_shows_them_is_told(erp: Simulator) -> None:
    """The row that came last is there, and its filter does not find it by the time that it shows."""
    company, destination = erp.tenant("Company"), Destination()
    chosen = catalog(erp, "gi__BI-Customers", mode=INCREMENTAL)
    erp.lies = Lies(only="/gi/", compared_later=-timedelta(hours=5))
    warnings: list[str] = []
    for number, key in enumerate(company.keys("Customer")[:4]):
        company.update("Customer", key, {"CustomerName": f"changed {number}"})
        erp.clock.advance(60)
        destination.sync(erp.config(**SETTINGS), chosen)
        warnings += destination.warnings
        erp.clock.advance(3600)
    destination.sync(erp.config(**SETTINGS), chosen)
    assert [each for each in warnings if "compares times otherwise" in each]
    assert differences(destination, erp, COMPANY) == []


def test_what_changes_after_a_snapshot_was_restored_arrives(small_pages: None) -> None:
    """The rows that came before and are gone again, nobody can tell; but from then on nothing is missed."""
    with Simulator(rows=6, tenants=("Company",), tracked=("SOOrder",)) as sim:
        config = sim.config(max_page_size=3, track_deletions=True, dac_tables=["SOOrder"], generic_inquiries=[])
        found = discover(config)
        chosen = configured([found[name] for name in ("SalesOrder", "dac__SOOrder", "Customer")])
        destination, company = Destination(), sim.tenant("Company")
        snapshot = company.snapshot()
        sim.clock.advance(86_400)
        company.insert("Customer", {"CustomerID": "LOST"})
        destination.sync(config, chosen)
        assert differences(destination, sim, COMPANY) == []
        company.restore(snapshot)
        sim.clock.advance(60)
        for key in company.keys("Customer"):
            company.update("Customer", key, {"CustomerName": "after"})
        company.delete("SalesOrder", company.keys("SalesOrder")[0])
        sim.clock.advance(86_400)
        destination.sync(config, chosen)
        assert [
            each for each in differences(destination, sim, COMPANY) if "does not exist in the ERP" not in each
        ] == []
        assert not [each for each in differences(destination, sim, COMPANY) if "Order" in each]


@pytest.mark.parametrize(
    "base", ["http://inner:8080", "https://inner", "http://127.0.0.1:1", "http://inner/Prod", "http://inner/"]
)
def test_links_that_name_another_place_are_followed_on_this_one(base: str) -> None:
    with Simulator(rows=12, tenants=("Company",), odata_page_rows=5) as sim:
        chosen = catalog(sim, *CUSTOMERS[1:], mode=FULL_REFRESH)
        sim.lies = Lies(next_links=base)
        destination = Destination()
        destination.sync(sim.config(**SETTINGS), chosen)
        assert differences(destination, sim, COMPANY) == []


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_an_erp_that_cannot_compare_with_nothing_is_no_reason_to_fail(status: int) -> None:
    """It is not known how each release says so; rows that have a stamp come all the same."""
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Customer")
        sim.rewrite(
            lambda request, answer: message(status, "no") if "eq null" in request.query.get("$filter", "") else answer
        )
        destination, company = Destination(), sim.tenant("Company")
        for _ in range(2):
            destination.sync(config, catalog)
            assert differences(destination, sim, ["Company"]) == []
            sim.clock.advance(90_000)
            company.update("Customer", company.keys("Customer")[1], {"CustomerName": "changed"})
            sim.clock.advance(3600)


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer"])
def test_a_database_that_cannot_be_reached_for_a_while_is_waited_for(stream: str) -> None:
    text = "A network-related or instance-specific error occurred while establishing a connection to SQL Server."
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["Customer"])
        catalog, left = catalog_of(config, stream), iter(range(6))
        sim.rewrite(
            lambda request, answer: message(500, text) if "Customer" in request.path and next(left, None) else answer
        )
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


def test_no_stream_promises_to_resume_a_full_refresh() -> None:
    with Simulator(rows=3, tenants=("Company",)) as sim:
        assert not [name for name, stream in discover(sim.config()).items() if stream.get("is_resumable")]
