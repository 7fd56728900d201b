"""A server that means harm, or is more broken than any ERP: each run ends with a sentence, and gives nothing away."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.erp import client, sign_in
from source_acumatica.erp import response as responses
from source_acumatica.reading import anchored, sent_rows

from .comparison import differences
from .conftest import EXAMPLES
from .harness import Destination, catalog_of
from .hostile_site import TENANT, content, only, read
from .hostile_site import erp as erp
from .hostile_site import once as once
from .simulator import Simulator
from .simulator.web.answers import Answer, as_json
from .simulator.web.requests import Request
from .test_faults import REQUESTS, SETTINGS

# ---------------------------------------------------------------------------------- nothing goes on for ever


def _without(*options: str) -> Callable[[Simulator], None]:
    """A server that does not know these query options."""

    def install(sim: Simulator) -> None:
        answer = sim._site._route

        def route(request: Request) -> Answer:
            query = {name: value for name, value in request.query.items() if name not in options}
            return answer(replace(request, query=query))

        sim._site._route = route  # type: ignore[method-assign]

    return install


@pytest.mark.parametrize(
    ("stream", "options"),
    [
        ("Customer", ["$skip"]),
        ("Customer", ["$skip", "$top"]),
        ("Currency", ["$skip"]),
        ("dac__SOOrder", ["$filter"]),
        ("dac__SOOrder", ["$filter", "$orderby"]),
        ("gi__BI-Customers", ["$filter", "$skip"]),
    ],
    ids=str,
)
def test_a_list_that_repeats_itself_is_stopped(stream: str, options: list[str], erp: Simulator) -> None:
    _without(*options)(erp)
    destination = read(erp, stream, track_deletions=False)
    assert len(erp.requests) < 60
    said = [error["message"] for error in destination.errors]
    assert said
    assert "repeats the same rows instead of going on" in said[0] or differences(destination, erp, [TENANT]) == []


def test_a_list_that_gives_two_pages_by_turns_is_stopped(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (anchored, sent_rows):
        monkeypatch.setattr(module, "REMEMBERED_ROWS", 30)
    pages: list[list[Any]] = []

    def by_turns(answer: Answer) -> Answer:
        rows = json.loads(answer.body)
        pages.append(rows if len(pages) < 2 else pages[len(pages) % 2])
        return as_json(pages[-1])

    destination = read(erp, "Customer", only("/Customer\\?.*skip", by_turns), include_custom_fields=False)
    assert len(erp.requests) < 60
    assert "repeats the same rows" in destination.errors[0]["message"]


@pytest.mark.parametrize("kind", ["itself", "back", "on without rows"])
def test_links_that_do_not_lead_on_are_not_followed_for_ever(kind: str, erp: Simulator) -> None:
    path, stream = REQUESTS["deleted"]
    count = iter(range(10**6))
    links = {
        "itself": lambda: "?a=1",
        "back": lambda: f"?a={next(count) % 3}",
        "on without rows": lambda: f"?a={next(count)}",
    }

    def linked(answer: dict[str, Any]) -> dict[str, Any]:
        rows = [] if "on" in kind else answer["value"]
        return {**answer, "value": rows, "@odata.nextLink": f"SOOrder/px.GetDeletedRecords(){links[kind]()}"}

    destination = read(erp, stream, only(path, content(linked)))
    assert len(erp.requests) < 60
    assert [each for each in destination.warnings if "links to the next page do not lead on" in each]


@pytest.mark.parametrize("sessions", [1, 4])
def test_a_request_that_is_refused_does_not_cost_all_others_their_sessions_for_ever(sessions: int) -> None:
    """While other streams go on, each of its tries finds a session that has worked."""
    with Simulator(rows=60, tenants=(TENANT,), latency_seconds=0.005) as sim:
        config = sim.config(max_sessions=sessions, max_page_size=3, include_custom_fields=False)
        catalog = catalog_of(config, "Customer", "Vendor", "SalesOrder", "StockItem")
        before = sim.sign_ins(TENANT)
        sim.rewrite(only("/Vendor\\?", lambda _answer: as_json({"message": "No."}, 401)))
        destination = Destination()
        destination.sync(config, catalog, fails=True)
        assert "not accepted even after signing in again" in destination.errors[0]["message"]
        assert destination.statuses["Vendor"] == "INCOMPLETE"
        assert sorted(destination.statuses.values())[:3] == ["COMPLETE"] * 3
        assert sim.sign_ins(TENANT) - before <= 2 * sessions + 2
        assert sim.sessions.open_count() == 0


def _bounded(monkeypatch: pytest.MonkeyPatch, seconds: float, most_bytes: int) -> None:
    """Other bounds of time for all answers, and of size for pages."""

    def bound(response: Any, _seconds: float, most: int, *_slowest: float) -> None:
        is_page = most == client._LARGEST_PAGE_BYTES
        responses.bound(response, seconds, most_bytes if is_page else most)

    for module in (client, sign_in):
        monkeypatch.setattr(module, "bound", bound)


def _dripping(body: bytes) -> Iterator[bytes]:
    for byte in body:
        yield bytes([byte])
        time.sleep(0.02)


@pytest.mark.parametrize(
    "request_name", ["token", "endpoints", "description", "custom", "list", "dac $metadata", "gi page"]
)
def test_an_answer_that_drips_is_not_waited_for(
    request_name: str, erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and the answer never ends."""
    path, stream = REQUESTS[request_name]
    _bounded(monkeypatch, 0.1, 10**9)
    begin = b"<a>" if "metadata" in path else b"["
    slowly = only(path, lambda answer: replace(answer, stream=_dripping(begin + b" " * 10**4)))
    destination = read(erp, stream, slowly, track_deletions=False)
    assert "did not answer in time" in destination.errors[0]["message"]
    erp.clock.advance(erp.sessions.idle_seconds)


def test_a_page_that_is_too_large_is_asked_for_with_fewer_rows(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    _bounded(monkeypatch, 30, 1_500)
    destination = read(erp, "dac__SOOrder", include_custom_fields=False)
    assert destination.errors == []
    assert differences(destination, erp, [TENANT]) == []
    assert [each for each in destination.warnings if "larger than" in each]


@cache
def _bomb() -> bytes:
    """To pack it takes longer than all that is done with it."""
    return gzip.compress(b"[" + b" " * 300_000_000)


@pytest.mark.parametrize(
    "request_name", ["token", "endpoints", "description", "list", "record", "form", "gi page", "dac page"]
)
def test_what_unpacks_to_gigabytes_is_not_unpacked(
    request_name: str, erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stream = REQUESTS[request_name]
    packed = Answer(200, _bomb(), headers={"Content-Encoding": "gzip"})
    destination = read(erp, stream, only(path, lambda _answer: packed), track_deletions=False)
    assert "is larger than" in destination.errors[0]["message"]


# ---------------------------------------------------------------------------------- whatever it says


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["value", "../..", "2024-13-45T99:99:99", "9999-12-31T23:59:59.999+00:00", "\ud800x", "$", "'"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("value"), inner, max_size=3)
    ),
    max_leaves=6,
)
FUZZED = {name: each for name, each in REQUESTS.items() if "metadata" not in name and name != "sign-out"}


# Two are the CDK's: an entity that is gone, and a number of over 64 bits where a text should be.
_SENTENCES = (
    "Tenant '",
    "endpoints: ",
    "The instance has no stream ",
    "A stream listed in your configuration",
    "A record returned from the API failed",
)


class _Careless(Destination):
    """Takes whatever comes, also rows whose keys are something else."""

    def _keep(self, stream: str, row: dict[str, Any]) -> None:
        self.records += 1


def _changed(content: Any, path: list[int], value: Any) -> Any:
    """The content with another value at one place, found by a walk of ``path``."""
    if not path or not isinstance(content, dict | list) or not content:
        return value
    head, *rest = path
    if isinstance(content, list):
        at = head % len(content)
        return [*content[:at], _changed(content[at], rest, value), *content[at + 1 :]]
    name = list(content)[head % len(content)]
    if head % 17 == 0 and not rest:
        return {key: each for key, each in content.items() if key != name}
    return {**content, name: _changed(content[name], rest, value)}


@pytest.fixture(scope="module")
def fuzzed_erp() -> Iterator[tuple[Simulator, dict[str, Any], dict[str, dict[str, Any]]]]:
    with Simulator(rows=4, tenants=(TENANT,), tracked=("SOOrder",)) as sim:
        config = sim.config(**SETTINGS)
        yield sim, config, {stream: catalog_of(config, stream) for _path, stream in REQUESTS.values()}


@pytest.mark.parametrize("request_name", FUZZED)
@settings(
    max_examples=EXAMPLES * 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(path=st.lists(st.integers(0, 10**4), max_size=7), value=JSON_VALUES)
def test_no_answer_makes_it_crash(request_name: str, path: list[int], value: Any, fuzzed_erp: Any) -> None:
    """One value anywhere in any answer is another one: the sync succeeds, or its error is a sentence of ours."""
    sim, config, catalogs = fuzzed_erp
    address, stream = FUZZED[request_name]
    sim._site.rewrites[:] = [only(address, content(lambda content: _changed(content, path, value)))]
    destination = _Careless()
    destination.sync(config, catalogs[stream], fails=True)
    for error in destination.errors:
        assert error["message"].startswith(_SENTENCES), error["message"]
    sim.clock.advance(sim.sessions.idle_seconds)
