"""Deleted rows of tables that nobody tracks: found by comparing keys, in random histories, and never falsely."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.airbyte import key_comparison, known_keys
from source_acumatica.reading import held_keys, page_size

from .comparison import differences
from .conftest import EXAMPLES, IS_SOAK
from .harness import Destination, Message, configured, discover
from .simulator import Fault, FaultKind, Lies, Simulator
from .test_moving_rows import make_change

TENANT = "Company"
STREAMS = ("SalesOrder", "Customer", "dac__SOOrder", "dac__Customer")
DAY_SECONDS = 86_400
HOUR_SECONDS = 3600
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder", "Customer"],
    "generic_inquiries": [],
    "track_deletions": True,
    "max_page_size": 3,
}


class Judge(Destination):
    """A destination that knows the ERP, and refuses tombstones of rows that are there."""

    erp: Simulator
    tombstones = 0

    def take(self, message: Message) -> None:
        match message:
            case {"type": "RECORD", "record": {"stream": stream, "data": {"_ab_cdc_deleted_at": str(), **row}}}:
                self.tombstones += 1
                name = "NoteID" if stream.startswith("dac__") else "id"
                assert str(row[name]).lower() not in there(self.erp, stream), "a false tombstone"
        super().take(message)


def there(erp: Simulator, stream: str) -> set[str]:
    """The ids of the rows that the user may see, archived or not."""
    data, name = erp.tenant(TENANT), stream.removeprefix("dac__")
    entity = {"SOOrder": "SalesOrder"}.get(name, name)
    rows = [*data.rows(entity), *data.rows(entity, archived=True)]
    return {str(row["id"]).lower() for row in rows if not any(lies.hides(row.values()) for lies in erp.lies)}


@cache
def catalog() -> dict[str, Any]:
    with Simulator(rows=8, tenants=(TENANT,)) as sim:
        found = discover(sim.config(**SETTINGS))
    return configured([found[name] for name in STREAMS])


def judged(erp: Simulator) -> Judge:
    judge = Judge()
    judge.erp = erp
    return judge


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=12, tenants=(TENANT,)) as sim:
        yield sim
        assert sim.sessions.open_count() == 0


def synced(erp: Simulator, destination: Judge, **more: Any) -> list[str]:
    """What the log said of comparing, after a sync."""
    destination.sync(erp.config(**SETTINGS, **more), catalog())
    return [log.getMessage() for log in destination.logs if "compared" in log.getMessage()]


def test_what_is_deleted_goes_within_a_day_and_only_then_are_keys_listed(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    synced(erp, destination)
    for key in company.keys("SalesOrder")[1:3]:
        company.delete("SalesOrder", key)
    erp.clock.advance(HOUR_SECONDS)
    erp.requests.clear()
    assert synced(erp, destination) == []
    listed = [each for each in erp.requests if each.headers.get("px-apiarchive") and "$skip" in each.query]
    assert listed == [], "keys are listed with what is archived"
    assert len(differences(destination, erp, [TENANT])) == 4
    erp.clock.advance(DAY_SECONDS)
    assert len(synced(erp, destination)) == len(STREAMS)
    assert differences(destination, erp, [TENANT]) == []
    assert destination.tombstones == 4


def test_nothing_is_compared_where_that_is_not_wanted() -> None:
    with Simulator(rows=6, tenants=(TENANT,)) as erp:
        destination = judged(erp)
        synced(erp, destination, compare_keys_hours=0)
        erp.tenant(TENANT).delete("Customer", erp.tenant(TENANT).keys("Customer")[3])
        erp.clock.advance(2 * DAY_SECONDS)
        assert synced(erp, destination, compare_keys_hours=0) == []
        assert "held" not in str(destination.states)


def test_a_row_that_was_sent_and_deleted_between_two_comparisons_is_missed_too(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    synced(erp, destination)
    erp.clock.advance(HOUR_SECONDS)
    company.insert("Customer", {"CustomerID": "SHORT"})
    erp.clock.advance(60)
    synced(erp, destination)
    assert [row for row in destination.rows("Customer") if row["CustomerID"] == "SHORT"]
    company.delete("Customer", ("SHORT",))
    erp.clock.advance(DAY_SECONDS)
    synced(erp, destination)
    assert differences(destination, erp, [TENANT]) == []


def test_rows_that_come_into_view_are_sent(erp: Simulator) -> None:
    """The user's rights are widened: nothing was changed, so no window of changes shows the rows."""
    destination = judged(erp)
    erp.lies = (Lies(hidden=frozenset({"C000003", "C000005"})),)
    synced(erp, destination)
    erp.lies = ()
    erp.clock.advance(DAY_SECONDS)
    assert any("2 had not come" in line for line in synced(erp, destination))
    assert differences(destination, erp, [TENANT]) == []


@pytest.mark.parametrize("names", [("SalesOrder", "SalesOrder__Details"), ("SalesOrder__Details", "SalesOrder")])
def test_the_lines_of_rows_that_come_into_view_follow(erp: Simulator, names: tuple[str, str]) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    own = configured([discover(erp.config(**SETTINGS))[name] for name in names])
    hidden = company.rows("SalesOrder")[DELETED]
    erp.lies = (Lies(hidden=frozenset({str(hidden["OrderNbr"])})),)
    destination.sync(erp.config(**SETTINGS), own)
    erp.lies = ()
    for _ in range(2):
        erp.clock.advance(DAY_SECONDS)
        destination.sync(erp.config(**SETTINGS), own)
    assert differences(destination, erp, [TENANT]) == []
    erp.clock.advance(DAY_SECONDS)
    destination.sync(erp.config(**SETTINGS), own)
    assert destination.records == 0, "they come once"


def test_many_rows_that_vanish_at_once_stay_and_are_warned_of() -> None:
    with Simulator(rows=60, tenants=(TENANT,)) as erp:
        destination = judged(erp)
        synced(erp, destination)
        before = len(destination.rows("Customer"))
        erp.lies = (Lies(hidden=frozenset(f"C{number:06d}" for number in range(1, 40))),)
        erp.clock.advance(DAY_SECONDS)
        synced(erp, destination)
        assert any("the ERP does not find 39 any more" in warning for warning in destination.warnings)
        assert len(destination.rows("Customer")) == before
        assert destination.tombstones == 0
        erp.lies = ()
        erp.clock.advance(DAY_SECONDS)
        synced(erp, destination)
        assert differences(destination, erp, [TENANT]) == []


def test_archived_rows_have_not_gone(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    synced(erp, destination)
    company.archive("SalesOrder", company.keys("SalesOrder")[2])
    erp.clock.advance(DAY_SECONDS)
    synced(erp, destination)
    assert destination.tombstones == 0


def test_a_list_of_keys_that_fails_fails_no_stream(erp: Simulator) -> None:
    destination = judged(erp)
    erp.faults.add(Fault(FaultKind.STATUS_503, path=r"/dac/Customer\?.*select=AcctCD", times=10**6))
    synced(erp, destination)
    assert differences(destination, erp, [TENANT]) == []
    erp.faults.clear()
    erp.clock.advance(DAY_SECONDS)
    synced(erp, destination)
    erp.tenant(TENANT).delete("Customer", erp.tenant(TENANT).keys("Customer")[3])
    erp.clock.advance(DAY_SECONDS)
    synced(erp, destination)
    assert differences(destination, erp, [TENANT]) == []


def test_another_row_filter_begins_again(erp: Simulator) -> None:
    destination = judged(erp)
    synced(erp, destination)
    erp.clock.advance(DAY_SECONDS)
    narrow = [{"stream": "Customer", "filter": "CustomerID gt 'C000004'"}]
    synced(erp, destination, row_filters=narrow)
    assert destination.tombstones == 0


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["insert order", "insert customer"]), st.integers(0, 30), st.integers(0, 9)),
        st.tuples(st.sampled_from(["delete order", "delete customer"]), st.integers(0, 30), st.integers(0, 9)),
        st.tuples(st.just("change customer"), st.integers(0, 30), st.integers(0, 9)),
        st.tuples(st.sampled_from(["hide", "show"]), st.just(0), st.integers(1, 9)),
    ),
    max_size=5,
)
ROUNDS = st.lists(
    st.fixed_dictionaries(
        {"changes": OPERATIONS, "hours": st.integers(1, 40), "crash": st.one_of(st.none(), st.integers(1, 80))}
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES * (5 if IS_SOAK else 2), deadline=None, suppress_health_check=list(HealthCheck))
@given(rounds=ROUNDS, bounds=st.sampled_from([(2, 2, 2), (3, 400, 400), (400, 3, 5), (400, 400, 400)]))
def test_after_each_comparison_the_destination_is_what_the_erp_shows(
    rounds: list[Mapping[str, Any]], bounds: tuple[int, int, int]
) -> None:
    """Inserts, changes, deletions, rights that are taken away and given back, crashes; with bounds that are small."""
    with pytest.MonkeyPatch.context() as patch, Simulator(rows=8, tenants=(TENANT,)) as erp:
        patch.setattr(page_size, "FIRST_PAGE_ROWS", 3)
        patch.setattr(known_keys, "_MOST_SENT", bounds[0])
        patch.setattr(key_comparison, "_MOST_ASKED", bounds[1])
        patch.setattr(held_keys, "MOST_EXACT_IDS", bounds[2])
        destination = judged(erp)
        destination.sync(erp.config(**SETTINGS), catalog())
        assert differences(destination, erp, [TENANT]) == []
        for each in rounds:
            for what, minutes, content in each["changes"]:
                change(erp, what, minutes, content)
            erp.clock.advance(each["hours"] * HOUR_SECONDS)
            destination.sync(erp.config(**SETTINGS), catalog(), each["crash"], fails=each["crash"] is not None)
        for _ in range(30):
            erp.clock.advance(DAY_SECONDS + HOUR_SECONDS)
            destination.sync(erp.config(**SETTINGS), catalog())
            if not differences(destination, erp, [TENANT]):
                break
        assert differences(destination, erp, [TENANT]) == []
        assert erp.sessions.open_count() == 0


def change(erp: Simulator, what: str, minutes: int, content: int) -> None:
    hidden = frozenset().union(*(lies.hidden for lies in erp.lies))
    match what:
        case "hide":
            erp.lies = (Lies(hidden=hidden | {f"C00000{content}"}),)
        case "show":
            erp.lies = (Lies(hidden=hidden - {f"C00000{content}"}),)
        case "insert order":
            make_change(erp, TENANT, what, minutes, [{}])
        case _:
            make_change(erp, TENANT, what, minutes, content)


DELETED = 3


@pytest.mark.parametrize("stream", ["SalesOrder", "dac__SOOrder"])
@pytest.mark.parametrize(
    "change",
    [
        {"start_date": "2009-01-01T00:00:00Z"},
        {"row_filters": [{"stream": "*", "filter": "OrderNbr gt '0'"}]},
        {"include_archived": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_deleted_before_settings_were_changed_goes(
    erp: Simulator, stream: str, change: Mapping[str, Any]
) -> None:
    """Also the row with the latest stamp, although all is read again with the wider setting."""
    destination, company = judged(erp), erp.tenant(TENANT)
    own = only(stream)
    destination.sync(erp.config(**SETTINGS), own)
    erp.clock.advance(HOUR_SECONDS)
    company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "999999"})
    erp.clock.advance(HOUR_SECONDS)
    destination.sync(erp.config(**SETTINGS), own)
    erp.clock.advance(HOUR_SECONDS)
    company.delete("SalesOrder", company.keys("SalesOrder")[DELETED])
    company.delete("SalesOrder", ("SO", "999999"))
    for _ in range(3):
        erp.clock.advance(DAY_SECONDS)
        destination.sync(erp.config(**SETTINGS | change), own)
    assert "999999" not in {row["OrderNbr"] for row in destination.rows(stream)}
    assert {str(row["NoteID" if stream != "SalesOrder" else "id"]) for row in destination.rows(stream)} <= there(
        erp, stream
    )


def only(*streams: str) -> dict[str, Any]:
    found = {each["stream"]["name"]: each for each in catalog()["streams"]}
    return {"streams": [found[name] for name in streams]}


@pytest.mark.parametrize(("page_rows", "lies"), [(2, ()), (None, (Lies(most_rows=2, only="dac/"),))])
def test_rows_that_left_the_row_filter_are_not_gone_and_hide_no_deletion(
    page_rows: int | None, lies: tuple[Lies, ...]
) -> None:
    """However many they are, and however few rows the ERP shows at once."""
    with Simulator(rows=30, tenants=(TENANT,), odata_page_rows=page_rows) as erp:
        company, destination = erp.tenant(TENANT), judged(erp)
        for key in company.keys("SalesOrder"):
            company.update("SalesOrder", key, {"Status": "Open"})
        erp.clock.advance(HOUR_SECONDS)
        status = company.dac_rows("SOOrder")[0]["Status"]
        erp.lies = lies
        more = {
            "row_filters": [
                {"stream": "dac__SOOrder", "filter": f"Status eq '{status}'"},
                {"stream": "SalesOrder", "filter": "Status eq 'Open'"},
            ]
        }
        own = only("SalesOrder", "dac__SOOrder")
        destination.sync(erp.config(**SETTINGS, **more), own)
        keys = company.keys("SalesOrder")
        for key in keys[:15]:
            company.update("SalesOrder", key, {"Status": "Completed"})
        company.delete("SalesOrder", keys[-1])
        erp.clock.advance(DAY_SECONDS)
        destination.sync(erp.config(**SETTINGS, **more), own)
        assert destination.tombstones == len(own["streams"])
        assert not [warning for warning in destination.warnings if "rights" in warning]


def test_rows_that_only_come_when_they_are_read_again_go_when_they_are_deleted(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    hidden = company.rows("SalesOrder")[DELETED]
    erp.lies = (Lies(hidden=frozenset({str(hidden["OrderNbr"])})),)
    synced(erp, destination, reread_days=1)
    erp.lies = ()
    erp.clock.advance(int(DAY_SECONDS * 0.9))
    synced(erp, destination, reread_days=1)
    assert hidden["OrderNbr"] in {row["OrderNbr"] for row in destination.rows("SalesOrder")}
    erp.clock.advance(HOUR_SECONDS // 2)
    company.delete("SalesOrder", (hidden["OrderType"], hidden["OrderNbr"]))
    for _ in range(2):
        erp.clock.advance(DAY_SECONDS)
        synced(erp, destination, reread_days=1)
    assert differences(destination, erp, [TENANT]) == []


def test_ids_in_upper_case_are_sent_in_upper_case(erp: Simulator) -> None:
    guid = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    destination, company = judged(erp), erp.tenant(TENANT)

    def shouted(_request: Any, answer: Any) -> Any:
        return replace(answer, body=guid.sub(lambda found: found[0].upper(), answer.body))

    erp.rewrite(shouted)
    synced(erp, destination)
    company.delete("SalesOrder", company.keys("SalesOrder")[DELETED])
    before = {name: len(destination.rows(name)) for name in ("SalesOrder", "dac__SOOrder")}
    erp.clock.advance(DAY_SECONDS)
    synced(erp, destination)
    assert {name: len(destination.rows(name)) + 1 for name in before} == before


@pytest.mark.parametrize("stream", ["SalesOrder", "dac__SOOrder"])
def test_rows_of_before_a_later_start_date_neither_come_nor_hide_what_is_deleted(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_comparison, "_MOST_ASKED", 8)
    with Simulator(rows=30, tenants=(TENANT,)) as erp:
        destination, company, own = judged(erp), erp.tenant(TENANT), only(stream)
        destination.sync(erp.config(**SETTINGS), own)
        latest = max(str(row["LastModified"]) for row in company.rows("SalesOrder"))
        erp.clock.advance(HOUR_SECONDS)
        for key in company.keys("SalesOrder")[5::9]:
            company.delete("SalesOrder", key)
        for _ in range(6):
            erp.clock.advance(DAY_SECONDS)
            destination.sync(erp.config(**SETTINGS, start_date=latest.replace(" ", "T")[:19] + "Z"), own)
        name = "NoteID" if stream.startswith("dac__") else "id"
        assert {str(row[name]) for row in destination.rows(stream)} <= there(erp, stream)
        assert destination.records <= 1, "none of them comes again"
