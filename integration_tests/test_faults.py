"""What every fault does to every kind of request: the fault matrix.

A fault that passes heals, the first time a request is sent and later. What lasts ends with a sentence; `LASTING` says
with which, and `SENTENCES` what its letters stand for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest
from airbyte_cdk.sources.streams.http.tcp_keepalive import TcpKeepaliveHTTPAdapter
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp import client

from .comparison import differences
from .conftest import in_turns
from .harness import TENANTS, Destination, catalog_of, check, discover
from .simulator import Fault, FaultKind, Simulator

FORM = "AccountSummaryInquiry"
PARAMETERS = {"Period": "012025", "Ledger": "ACTUAL"}
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder", "Customer"],
    "generic_inquiries": ["BI-Customers"],
    "inquiry_parameters": [{"inquiry": FORM, "name": name, "value": value} for name, value in PARAMETERS.items()],
    "track_deletions": True,
    "max_page_size": 3,
}
# Each kind of request by its address, and a stream that is read with it.
REQUESTS = {
    "token": ("/identity/connect/token", "Customer"),
    "endpoints": ("/entity$", "Customer"),
    "description": ("swagger.json", "Customer"),
    "custom": ("adHocSchema", "Customer"),
    "list": ("/Customer\\?", "Customer"),
    "record": ("/Currency/\\w", "Currency"),
    "form": (f"/{FORM}", f"{FORM}__Results"),
    "gi $metadata": ("/gi/\\$metadata", "gi__BI-Customers"),
    "gi page": ("/gi/BI-Customers", "gi__BI-Customers"),
    "dac $metadata": ("/dac/\\$metadata", "dac__SOOrder"),
    "dac page": ("/dac/SOOrder\\?", "dac__SOOrder"),
    "deleted": ("px.GetDeletedRecords", "dac__SOOrder"),
    "flagged": ("DeletedDatabaseRecord eq true", "dac__Customer"),
    "sign-out": ("/auth/logout", "Customer"),
}
# A long operation that is running is an answer of contract 5, and has its tests there.
KINDS = [each for each in FaultKind if each is not FaultKind.STATUS_409]
CASES = list(product(REQUESTS, KINDS))
# How many such requests are answered before the fault strikes. By turns as on a chess board: each request and each
# fault comes both ways.
PASSING = [
    (request, kind, earlier)
    for row, request in enumerate(REQUESTS)
    for kind, earlier in in_turns(KINDS, (row % 2, 1 - row % 2))
]
_TIME_OUT_SECONDS, _SLOW_SECONDS = 0.15, 0.2


@dataclass(frozen=True)
class Outcome:
    """How a sync ended: what the user is told, and whether the stream failed."""

    failure_type: str | None
    sentence: str


# A capital letter: the stream fails with this sentence. The small one: it is a warning, and all other rows are read.
SENTENCES = {
    "C": Outcome("transient_error", "the connection broke off in the middle of an answer"),
    "N": Outcome("transient_error", "the instance cannot be reached: check instance_url"),
    "J": Outcome("transient_error", "the answer was not complete JSON"),
    "X": Outcome("transient_error", "the description is not valid XML"),
    "W": Outcome("transient_error", "answered with a web page instead of data"),
    "E": Outcome("transient_error", "answered with an empty body.* SM604000"),
    "R": Outcome("transient_error", "led to another page instead of answering"),
    "U": Outcome("transient_error", "the instance is not available \\(HTTP 50[23]\\)"),
    "G": Outcome("transient_error", "the instance's gateway did not wait for the answer"),
    "L": Outcome("transient_error", "the licence's limit of API requests is used up.* SM604000"),
    "T": Outcome("transient_error", "did not answer in time"),
    "I": Outcome("transient_error", "signing in is not possible now \\(HTTP [345]"),
    "F": Outcome("system_error", "the ERP failed with an error of its own"),
    "D": Outcome("config_error", "signing in was refused \\(HTTP 401\\).*\\(SM303010\\)"),
    "S": Outcome("config_error", "the session is not accepted even after signing in again"),
    "O": Outcome("config_error", "OData does not accept the user \\(401\\): it needs .* SM203520"),
    "Q": Outcome("config_error", "signing out failed. The seat comes free by itself"),
}
# `.`: nothing is said and nothing is missing. A description of the tables that shows pages or 401 only is asked for at
# the older address, which this build knows as well.
LASTING = """
                 token endpoints description custom list record form  gi-$m  gi  dac-$m dac  deleted flagged sign-out
disconnect         C       C          C         C    C     C     C      C    C     C     C      c       c       .
no_answer          N       N          N         N    N     N     N      N    N     N     N      n       n       q
truncated_json     J       J          J         J    J     J     J      X    J     X     J      j       j       .
html_200           W       W          W         W    W     W     W      W    W     w     W      w       w       q
empty_200          J       E          E         E    E     E     E      E    E     E     E      e       e       q
error_redirect     I       R          R         R    R     R     R      R    R     r     R      r       r       q
status_500         I       F          F         f    F     F     F      F    F     F     F      f       f       q
status_502         I       U          U         U    U     U     U      U    U     U     U      u       u       q
status_503         I       U          U         U    U     U     U      U    U     U     U      u       u       q
status_504         I       G          G         G    G     G     G      G    G     G     G      g       g       q
status_429         I       L          L         L    L     L     L      L    L     L     L      l       l       q
slow               T       T          T         T    T     T     T      T    T     T     T      t       t       q
token_dropped      D       S          S         S    S     S     S      O    O     o     O      o       o       .
session_dropped    D       S          S         S    S     S     S      O    O     o     O      o       o       .
"""
# Everything that passes heals but a refused sign-in: accounts lock, so it is never tried again.
NEVER_HEALED = {("token", FaultKind.TOKEN_DROPPED), ("token", FaultKind.SESSION_DROPPED)}


# Some forms can never tell their custom fields, and fail so; what is missing then is warned of.
LOST = {("custom", FaultKind.STATUS_500): "custom"}


def _lasting() -> dict[tuple[str, FaultKind], str]:
    rows = [line.split() for line in LASTING.strip().splitlines()[1:]]
    return {
        (request, FaultKind(kind)): letter
        for kind, *letters in rows
        for request, letter in zip(REQUESTS, letters, strict=True)
    }


LASTING_BY_CASE = _lasting()


@pytest.fixture(scope="module")
def erp() -> Iterator[tuple[Simulator, dict[str, Any], dict[str, Any]]]:
    """An ERP, the settings that reach it, and a catalog for each stream."""
    with Simulator(rows=8, tracked=("SOOrder",)) as simulator:
        config = simulator.config(**SETTINGS)
        yield simulator, config, {name: catalog_of(config, name) for name in {each[1] for each in REQUESTS.values()}}


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    """What lasts is given up after two tries more."""
    monkeypatch.setattr(client.RetryPolicy, "of_a_read", lambda: client.RetryPolicy(retries=2, wait_seconds=0.05))
    monkeypatch.setattr(client.RetryPolicy, "of_a_check", lambda: client.RetryPolicy(retries=2, wait_seconds=0.05))


def _sync_under(
    fault: Fault, stream: str, erp: tuple[Simulator, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Destination:
    """A sync of ``stream`` in which the fault strikes; the requests that it can strike have a short time-out."""
    sim, config, catalogs = erp
    send = TcpKeepaliveHTTPAdapter.send

    def impatient_send(self: Any, request: Any, **options: Any) -> Any:
        if fault.kind is FaultKind.SLOW and fault.matches(request.method, unquote(request.url)):
            options["timeout"] = (1, _TIME_OUT_SECONDS)
        return send(self, request, **options)

    monkeypatch.setattr(TcpKeepaliveHTTPAdapter, "send", impatient_send)
    sim.faults.clear()
    sim.faults.add(fault)
    sim.sessions.peak = 0
    destination = Destination()
    destination.sync(config, catalogs[stream], fails=True)
    assert sim.faults.struck > 0, "the fault did not strike"
    sim.faults.clear()
    # A seat that could not be given back is one more.
    assert sim.sessions.peak <= 1 or fault.path == REQUESTS["sign-out"][0]
    return destination


def _is_complete(destination: Destination, sim: Simulator, stream: str, but: str | None = None) -> bool:
    """Whether all rows have arrived as they are in the ERP, but for one column, which each of them names."""
    if not stream.startswith(FORM):
        named = {frozenset(getattr(row, "nulled", ())) for row in destination.rows(stream)}
        return differences(destination, sim, TENANTS) == [] and named == {frozenset({but} if but else ())}
    expected = [(tenant, str(row["EndingBalance"])) for tenant in TENANTS for row in _results(sim, tenant)]
    return sorted((row["_tenant"], str(row["EndingBalance"])) for row in destination.rows(stream)) == sorted(expected)


def _results(sim: Simulator, tenant: str) -> list[dict[str, Any]]:
    return sim.tenant(tenant).results(FORM, PARAMETERS)


@pytest.mark.parametrize(("request_name", "kind", "earlier"), PASSING, ids=lambda each: getattr(each, "value", each))
def test_what_passes_heals(
    request_name: str, kind: FaultKind, earlier: int, erp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, (path, stream) = erp[0], REQUESTS[request_name]
    fault = Fault(kind, path=path, after=earlier, seconds=_SLOW_SECONDS)
    destination = _sync_under(fault, stream, erp, monkeypatch)
    assert sim.sessions.open_count() == 0
    if (request_name, kind) in NEVER_HEALED:
        assert [error["failure_type"] for error in destination.errors] == ["config_error"] * len(destination.errors)
        assert destination.errors
        return
    assert destination.errors == []
    assert destination.statuses == {stream: "COMPLETE"}
    assert _is_complete(destination, sim, stream)


@pytest.mark.parametrize(("request_name", "kind"), CASES, ids=lambda each: getattr(each, "value", each))
def test_what_lasts_ends_with_a_sentence(
    request_name: str, kind: FaultKind, erp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, (path, stream) = erp[0], REQUESTS[request_name]
    destination = _sync_under(Fault(kind, path=path, times=10**6, seconds=_SLOW_SECONDS), stream, erp, monkeypatch)
    letter = LASTING_BY_CASE[request_name, kind]
    if letter.isupper():
        outcome = SENTENCES[letter]
        assert {error["failure_type"] for error in destination.errors} == {outcome.failure_type}
        assert re.search(outcome.sentence, destination.errors[0]["message"])
        assert destination.statuses.get(stream) != "COMPLETE"
    else:
        assert destination.errors == []
        assert destination.statuses == {stream: "COMPLETE"}
        assert _is_complete(destination, sim, stream, but=LOST.get((request_name, kind)))
    if letter.islower():
        assert [each for each in destination.warnings if re.search(SENTENCES[letter.upper()].sentence, each)]
    if letter == "q":
        # Nothing can free these before they expire; see "sign-out" in BEHAVIOR.md.
        sim.clock.advance(sim.sessions.idle_seconds)
    assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "username", "password"])
@pytest.mark.parametrize("command", ["check", "discover", "read"])
def test_wrong_credentials_cost_one_sign_in_for_each_tenant(command: str, wrong: str, erp: Any) -> None:
    """However many streams are to be read by however many sessions."""
    sim, config, _ = erp
    catalog = catalog_of(config, "Customer", "Vendor", "SalesOrder", "dac__SOOrder", "gi__BI-Customers")
    before = [sim.sign_ins(tenant) for tenant in TENANTS]
    wrong_config = {**config, "max_sessions": 4, wrong: "wrong"}
    if command == "read":
        destination = Destination()
        destination.sync(wrong_config, catalog, fails=True)
        assert {error["failure_type"] for error in destination.errors} == {"config_error"}
        said = "\n".join(error["message"] for error in destination.errors)
    elif command == "check":
        said = check(wrong_config)["message"]
    else:
        with pytest.raises(AirbyteTracedException) as caught:
            discover(wrong_config)
        said = caught.value.message or ""
    assert all(f"Tenant '{tenant}': " in said for tenant in TENANTS)
    assert [sim.sign_ins(tenant) for tenant in TENANTS] == [count + 1 for count in before]
    for tenant in TENANTS:
        sim.identity.unlock(tenant)
