"""The connector as a guest of the licence and the network: seats, limits, faults, wrong credentials, secrets."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract import custom_fields, query
from source_acumatica.erp import client, sessions

from .comparison import differences
from .harness import FULL_REFRESH, TENANTS, Destination, catalog_of, check, discover
from .processes import IMPATIENT_CONNECTOR, started
from .simulator import Fault, FaultKind, SeatAnswer, Simulator
from .simulator.web.answers import Answer, as_json
from .simulator.web.requests import Request

STREAMS = ("Customer", "Customer__Contacts", "SalesOrder", "Vendor")


@pytest.mark.parametrize("seats", [1, 2, 5])
def test_never_more_sessions_than_allowed_and_none_left(seats: int, small_pages: None) -> None:
    with Simulator(rows=20, seats=5) as sim:
        config = sim.config(max_sessions=seats, max_page_size=5)
        destination = Destination()
        destination.sync(config, catalog_of(config, *STREAMS))
        assert differences(destination, sim, TENANTS) == []
        assert sim.sessions.peak <= seats
        assert sim.sessions.open_count() == 0


def test_several_sessions_read_at_the_same_time(small_pages: None) -> None:
    with Simulator(rows=20, latency_seconds=0.02) as sim:
        config = sim.config(max_sessions=4, max_page_size=5)
        Destination().sync(config, catalog_of(config, *STREAMS))
        assert sim.sessions.peak == 4


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers"])
def test_one_large_stream_is_read_with_all_sessions_and_few_requests_in_vain(stream: str, small_pages: None) -> None:
    with Simulator(rows=150, tenants=("Company",), latency_seconds=0.02) as sim:
        odata = {"dac_tables": ["Customer"], "generic_inquiries": ["BI-Customers"]}
        config = sim.config(**odata, max_sessions=4, max_page_size=5, include_custom_fields=False)
        catalog = catalog_of(config, stream, mode=FULL_REFRESH)
        sim.requests.clear()
        sim.sessions.peak = 0
        destination = Destination()
        destination.sync(config, catalog)
        assert len(destination.rows(stream)) == len(sim.tenant("Company").rows("Customer"))
        assert sim.sessions.peak == 4
        assert sim.sessions.open_count() == 0
        needed = len(destination.rows(stream)) / 4
        # Four more behind the end, and what a run asks besides.
        assert len([each for each in sim.requests if "skip" in each.query or "top" in each.query]) < needed + 10


def test_one_seat_and_five_tenants_take_turns(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    monkeypatch.setattr(sessions, "TURN_SECONDS", 0.1)
    tenants = ("A", "B", "C", "D", "E")
    with Simulator(rows=10, tenants=tenants, seats=1) as sim:
        config = sim.config(max_page_size=4)
        destination = Destination()
        destination.sync(config, catalog_of(config, "Customer", "Vendor"))
        assert differences(destination, sim, tenants) == []
        assert sim.sessions.peak == 1


@pytest.mark.parametrize("answer", list(SeatAnswer))
def test_taken_seats_are_waited_for_with_a_clear_line(answer: SeatAnswer) -> None:
    with Simulator(rows=5, seats=2, seat_answer=answer) as sim:
        config = sim.config("Company")
        catalog = catalog_of(config, "Customer")
        sim.sessions.take(2)
        threading.Timer(0.3, sim.sessions.take, [-2]).start()
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert any("SM604000" in warning for warning in destination.warnings)


@pytest.mark.parametrize("answer", list(SeatAnswer))
def test_taken_seats_fail_a_check_with_a_sentence_after_a_while(
    answer: SeatAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.RetryPolicy, "of_a_check", lambda: client.RetryPolicy(retries=1, wait_seconds=0.1))
    with Simulator(rows=5, seats=1, seat_answer=answer) as sim:
        sim.sessions.take(1)
        status = check(sim.config("Company"))
        assert status["status"] == "FAILED"
        assert "SM604000" in status["message"]


@pytest.mark.parametrize("answer", list(SeatAnswer))
def test_seats_that_stay_taken_fail_a_read_with_a_sentence(answer: SeatAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After more than the hour for which a crashed run may hold them; here, a tenth of a second."""
    assert client.RetryPolicy.of_a_read().wait_seconds > 60 * 60
    monkeypatch.setattr(client.RetryPolicy, "of_a_read", lambda: client.RetryPolicy(retries=1, wait_seconds=0.1))
    with Simulator(rows=5, seats=1, seat_answer=answer) as sim:
        config = sim.config("Company")
        catalog = catalog_of(config, "Customer")
        sim.sessions.take(1)
        destination = Destination()
        destination.sync(config, catalog, fails=True)
        assert "SM604000" in destination.errors[0]["message"]
        assert {error["failure_type"] for error in destination.errors} == {"transient_error"}
        states = (state["stream"]["stream_state"] for state in destination.states.values())
        assert not any(part["cursor"] for state in states for part in state["states"])


@pytest.mark.parametrize("kind", [FaultKind.TOKEN_DROPPED, FaultKind.SESSION_DROPPED])
def test_a_session_that_ends_in_the_middle_is_renewed_without_losing_a_page(kind: FaultKind, small_pages: None) -> None:
    with Simulator(rows=20, tenants=("Company",)) as sim:
        config = sim.config(max_page_size=5)
        catalog = catalog_of(config, "Customer")
        sim.faults.add(Fault(kind, path="/Customer\\?", after=2, times=2))
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert sim.sessions.open_count() == 0


def test_short_lived_tokens_are_renewed_before_they_end(small_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RENEWAL_MARGIN_SECONDS", 1.5)
    with Simulator(rows=20, tenants=("Company",), token_life_seconds=2, latency_seconds=0.15) as sim:
        config = sim.config(max_page_size=4)
        destination = Destination()
        destination.sync(config, catalog_of(config, "Customer"))
        assert differences(destination, sim, ["Company"]) == []
        assert not [request for request in sim.requests if request.status == 401]
        assert sim.sessions.open_count() == 0


@pytest.mark.parametrize("kind", [FaultKind.HTML_200, FaultKind.TRUNCATED_JSON, FaultKind.STATUS_503])
def test_an_answer_that_is_not_data_is_an_error_and_never_no_rows(kind: FaultKind) -> None:
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config()
        catalog = catalog_of(config, "Customer", "Vendor")
        sim.faults.add(Fault(kind, path="/Customer\\?", times=1000))
        destination = Destination()
        destination.sync(config, catalog, fails=True)
        assert destination.statuses == {"Customer": "INCOMPLETE", "Vendor": "COMPLETE"}
        assert {error["failure_type"] for error in destination.errors[:1]} == {"transient_error"}
        assert destination.states["Customer"]["stream"]["stream_state"]["states"][0]["cursor"] == {}


def test_a_broken_list_of_endpoints_does_not_matter_to_who_names_endpoint_and_version(sim: Simulator) -> None:
    catalog = catalog_of(sim.config("Company"), "Customer")
    sim.faults.add(Fault(FaultKind.STATUS_500, path="/entity$", times=1000))
    destination = Destination()
    destination.sync(sim.config("Company", endpoints=["Default/24.200.001"]), catalog)
    assert differences(destination, sim, ["Company"]) == []
    assert any("name with their versions" in warning for warning in destination.warnings)
    with pytest.raises(AirbyteTracedException, match="list of endpoints"):
        discover(sim.config("Company"))


def test_a_netrc_file_does_not_take_the_place_of_the_token(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    config = sim.config("Company")
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer"))
    assert differences(destination, sim, ["Company"]) == []


def test_pages_get_smaller_after_a_time_out_and_larger_when_answers_are_quick() -> None:
    with Simulator(rows=3000, tenants=("Company",), lines=0) as sim:
        config = sim.config(include_custom_fields=False)
        catalog = catalog_of(config, "Customer")
        sim.requests.clear()
        sim.faults.add(Fault(FaultKind.STATUS_504, path="/Customer\\?", after=1))
        destination = Destination()
        destination.sync(config, catalog)
        asked = [int(request.query["$top"]) for request in sim.requests if request.path.endswith("/Customer")]
        assert asked[:4] == [500, 1000, 500, 1000]
        assert len(destination.rows("Customer")) == 3000


def test_custom_fields_beyond_the_length_of_an_address_come_in_several_requests(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_LONGEST_OPTION_CHARACTERS", 40)
    config = sim.config("Company", max_page_size=5)
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer", "SalesOrder__Details", "SalesOrder"))
    assert differences(destination, sim, ["Company"]) == []
    asked = [request.query for request in sim.requests if request.path.endswith("/Customer")]
    assert len({query["$custom"] for query in asked if "$custom" in query}) == 3
    assert all(query["$top"] == "1" for query in asked if "$custom" not in query), "but for a look behind the end"


def test_a_custom_field_that_the_erp_cannot_give_is_found_and_left_out(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_fields, "_UNREADABLE_NAMES", frozenset())
    config = sim.config("Company")
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer"))
    assert differences(destination, sim, ["Company"]) == []
    assert [warning for warning in destination.warnings if "CurrentCustomer.GroupMask; they are left out" in warning]


def test_the_rate_that_was_set_is_kept(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    monkeypatch.setattr(client, "_MINUTE", timedelta(seconds=0.5))
    with Simulator(rows=20, tenants=("Company",)) as sim:
        config = sim.config(requests_per_minute=4, max_page_size=3)
        catalog = catalog_of(config, "Customer")
        moments: list[float] = []
        sim.before_request(lambda _request: moments.append(time.monotonic()))
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        spans = [later - earlier for earlier, later in zip(moments, moments[4:], strict=False)]
        assert len(spans) > 5
        assert min(spans) > 0.45


@pytest.mark.parametrize("told", [8, None])
def test_at_half_of_the_licensed_rate_the_server_delays_nothing(
    told: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not say where half is, so that has to be told; a minute is half a second here."""
    monkeypatch.setattr(client, "_MINUTE", timedelta(seconds=0.5))
    delays: list[float] = []
    licence: dict[str, Any] = {"requests_per_minute": 20, "minute_seconds": 0.5}
    with Simulator(rows=60, tenants=("Company",), **licence, sleep=delays.append) as sim:
        catalog = catalog_of(sim.config(), "Customer")
        time.sleep(0.5)
        delays.clear()
        rate = {} if told is None else {"requests_per_minute": told}
        destination = Destination()
        destination.sync(sim.config(max_page_size=3, **rate), catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert len(sim.requests) > 25
    assert (sum(delays) == 0) == (told is not None)


def test_a_throttled_instance_is_read_to_the_end() -> None:
    with Simulator(rows=12, tenants=("Company",), requests_per_minute=8, sleep=lambda _seconds: None) as sim:
        config = sim.config(max_page_size=3)
        destination = Destination()
        destination.sync(config, catalog_of(config, "Customer"))
        assert differences(destination, sim, ["Company"]) == []


# ---------------------------------------------------------------------------------------------- secrets


def _forms(secret: str) -> set[str]:
    plain = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return plain | {base64.b64encode(secret.encode()).decode()}


@pytest.mark.parametrize("command", ["check", "discover", "read"])
@pytest.mark.parametrize("fault", [None, FaultKind.HTML_200, FaultKind.STATUS_500, FaultKind.NO_ANSWER])
def test_no_secret_in_any_output(
    command: str,
    fault: FaultKind | None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client.RetryPolicy, "of_a_check", lambda: client.RetryPolicy(retries=1, wait_seconds=0.1))
    monkeypatch.setattr(client.RetryPolicy, "of_a_read", lambda: client.RetryPolicy(retries=1, wait_seconds=0.1))
    with Simulator(rows=3, shared_client=False) as sim:
        config = sim.config()
        catalog = catalog_of(config, "Customer")
        own = config["tenant_credentials"]
        config["tenant_credentials"] = [own[0], {**own[1], "password": 'wröng "pass" word+&/'}]
        logging.getLogger("airbyte").setLevel(logging.DEBUG)
        if fault:
            sim.faults.add(Fault(fault, times=1000))
        output: list[str] = []
        try:
            if command == "read":
                destination = Destination()
                destination.sync(config, catalog, fails=True)
                output += [json.dumps(destination.errors), str(destination.tables)]
            else:
                output.append(json.dumps(check(config) if command == "check" else discover(config)))
        except AirbyteTracedException as error:
            output += [str(error), repr(error)]
        printed = capfd.readouterr()
        said = "\n".join([printed.out, printed.err, *output])
        assert len(said) > 100
        secrets: list[Any] = [value for one in config["tenant_credentials"] for value in one.items()]
        for name, secret in [*config.items(), *secrets]:
            if name in ("client_secret", "password"):
                assert not [form for form in _forms(secret) if form in said]
        assert "Bearer " not in said


AWKWARD = 'wröng "secret" %s+&/\\ of {0}'


@pytest.mark.parametrize("command", ["spec", "check", "discover", "read"])
def test_no_secret_in_the_output_of_a_process_at_debug_level(command: str, tmp_path: Path) -> None:
    """Although the server says in its errors all that it was told, in every form."""
    with Simulator(rows=3, shared_client=False, tenants=("Company", "Second", "Third")) as sim:
        plain = sim.config(dac_tables=["Customer"])
        catalog = catalog_of(plain, "Customer", "dac__Customer")
        own = plain["tenant_credentials"]
        for tenant in ("Second", "Third"):
            account = sim.account(tenant)
            account.client_secret, account.password = AWKWARD.format("client"), AWKWARD.format(tenant)
        second = {**own[1], "client_secret": AWKWARD.format("client"), "password": AWKWARD.format("Second")}
        third = {**own[2], "client_secret": AWKWARD.format("client"), "password": "wrong!"}
        config = {**plain, "tenant_credentials": [own[0], second, third]}
        secrets = [one[name] for one in (config, own[0], second, third) for name in ("client_secret", "password")]

        def echo(request: Request, answer: Answer) -> Answer:
            # Of an error only its beginning is told: it has to begin with what is looked for.
            told = [request.token, *secrets] if request.token else secrets
            text = " ".join(form for secret in told for form in sorted(_forms(secret)))
            if "Customer" in request.path or answer.status >= 400:
                return as_json(
                    {"message": text, "error": text, "error_description": text}, 400 + 100 * (answer.status < 400)
                )
            return answer

        sim.rewrite(echo)
        files = {} if command == "spec" else {"config": config}
        files |= {"catalog": catalog} if command == "read" else {}
        with started(tmp_path, command, "--debug", connector=IMPATIENT_CONNECTOR, **files) as process:
            said, _ = process.communicate(timeout=60)
        tokens = list(sim.identity._tokens)
        assert len(said) > 1000
        assert "DEBUG" in said or command == "spec"
        assert command in ("spec", "discover") or "****" in said
        # Nor the beginning of one, where a text was cut.
        assert not [form for secret in [*secrets, *tokens] for form in _forms(secret) if form[:10] in said]
