"""What the user is told: each command ends with an answer, in a sentence that says what is wrong."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica import check as proof
from source_acumatica.erp import client, sign_in

from .comparison import differences
from .harness import FULL_REFRESH, Destination, catalog_of, check, run
from .processes import IMPATIENT_CONNECTOR, started
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import Answer, html
from .simulator.web.requests import Request

TOKEN = "/identity/connect/token"
NOBODY = {"tenants": ["Company"], "client_id": "c", "client_secret": "a secret", "username": "u", "password": "a word"}


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check shows its sentence at once."""
    monkeypatch.setattr(client.RetryPolicy, "of_a_check", lambda: client.RetryPolicy(retries=1, wait_seconds=0.1))


def traces(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["trace"]["error"] for one in messages if one["type"] == "TRACE" and "error" in one["trace"]]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_check_of_an_address_where_nobody_listens_answers_with_host_and_port(tmp_path: Path) -> None:
    port = free_port()
    config = {**NOBODY, "instance_url": f"http://127.0.0.1:{port}"}
    with started(tmp_path, "check", connector=IMPATIENT_CONNECTOR, config=config) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    messages = [json.loads(line) for line in output.splitlines()]
    status = messages[-1]["connectionStatus"]
    assert status["status"] == "FAILED"
    assert f"the instance cannot be reached: check instance_url and the network (127.0.0.1:{port}" in status["message"]
    assert {error["failure_type"] for error in traces(messages)} == {"transient_error"}


@pytest.mark.parametrize(
    "kind", [FaultKind.STATUS_503, FaultKind.NO_ANSWER, FaultKind.TRUNCATED_JSON, FaultKind.STATUS_429]
)
@pytest.mark.parametrize("path", [TOKEN, "/entity$", "swagger.json"])
def test_a_check_always_ends_with_its_answer(kind: FaultKind, path: str, sim: Simulator) -> None:
    sim.faults.add(Fault(kind, path=path, times=1000))
    messages = list(run("check", sim.config("Company")))
    assert messages[-1]["type"] == "CONNECTION_STATUS"
    assert messages[-1]["connectionStatus"]["status"] == "FAILED"
    assert "Tenant 'Company'" in messages[-1]["connectionStatus"]["message"]


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), OSError("x")])
def test_a_check_answers_what_nobody_thought_of_too_unless_it_is_a_fault_of_the_program(
    error: Exception, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(proof, "describe", fails)
    if isinstance(error, RuntimeError):
        with pytest.raises(RuntimeError):
            list(run("check", sim.config("Company")))
        return
    messages = list(run("check", sim.config("Company")))
    assert messages[-1]["connectionStatus"]["status"] == "FAILED"
    assert type(error).__name__ in messages[-1]["connectionStatus"]["message"]
    assert [one["failure_type"] for one in traces(messages)] == ["system_error"]


@pytest.mark.parametrize(
    "other",
    [html(200, "Our shop"), Answer(302, headers={"Location": "https://www.example.com/"}), html(405, "Not allowed")],
    ids=["page", "redirect", "refusal"],
)
def test_a_web_site_that_is_no_erp_is_told_by_name(other: Answer, sim: Simulator) -> None:
    sim.rewrite(lambda request, answer: other if request.path == TOKEN else answer)
    messages = list(run("check", sim.config("Company")))
    said = messages[-1]["connectionStatus"]["message"]
    assert "no Acumatica ERP at 127.0.0.1:" in said
    assert "instance_url" in said
    assert {error["failure_type"] for error in traces(messages)} == {"config_error"}


def test_a_file_of_authorities_that_is_not_there_is_named_as_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/authorities.pem")
    status = check({**NOBODY, "instance_url": "https://127.0.0.1:9"})
    assert "REQUESTS_CA_BUNDLE" in status["message"]


def test_every_request_says_who_asks(sim: Simulator) -> None:
    seen: set[str] = set()

    def note(request: Request, answer: Answer) -> Answer:
        seen.add(request.headers["user-agent"])
        return answer

    sim.rewrite(note)
    config = sim.config("Company", dac_tables=["SOOrder"])
    destination = Destination()
    destination.sync(config, catalog_of(config, "Customer", "gi__BI-Customers", "dac__SOOrder"))
    assert differences(destination, sim, ["Company"]) == []
    assert {agent.partition("/")[0] for agent in seen} == {"airbyte-source-acumatica"}


def test_a_sign_in_that_hangs_is_told_as_one(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "SIGN_TIMEOUT_SECONDS", 0.1)
    sim.faults.add(Fault(FaultKind.SLOW, path=TOKEN, seconds=0.5, times=5))
    said = check(sim.config("Company"))["message"]
    assert "the sign-in took longer" in said
    assert "read_timeout_seconds" not in said


PER_PARTITION = {"states": [{"partition": {"parent_slice": {}}, "cursor": {"x": "2024-01-01"}}], "lookback_window": 1}
EDITED = {"states": [{"partition": {"tenant": "Company"}, "cursor": {"LastModifiedDateTime": "yesterday"}}]}


@pytest.mark.parametrize("state", [PER_PARTITION, EDITED], ids=["another connector's", "edited"])
def test_a_state_that_is_not_understood_fails_its_stream_and_stays_as_it_is(
    state: dict[str, Any], sim: Simulator
) -> None:
    config = sim.config("Company")
    destination = Destination()
    destination.states["Customer"] = {"stream": {"stream_descriptor": {"name": "Customer"}, "stream_state": state}}
    destination.sync(config, catalog_of(config, "Customer", "Vendor"), fails=True)
    assert destination.statuses == {"Customer": "INCOMPLETE", "Vendor": "COMPLETE"}
    assert [error["failure_type"] for error in destination.errors] == ["config_error"]
    assert destination.errors[0]["message"].startswith("Stream Customer: ")
    assert destination.states["Customer"]["stream"]["stream_state"] == state
    assert destination.records == len(sim.tenant("Company").rows("Vendor"))


def test_a_state_that_is_not_understood_does_not_matter_to_a_full_refresh(sim: Simulator) -> None:
    config = sim.config("Company")
    destination = Destination()
    destination.states["Customer"] = {"stream": {"stream_descriptor": {"name": "Customer"}, "stream_state": EDITED}}
    destination.sync(config, catalog_of(config, "Customer", mode=FULL_REFRESH))
    assert differences(destination, sim, ["Company"]) == []


@pytest.mark.parametrize(
    "state",
    [
        {"Customer": {"LastModifiedDateTime": "2024-01-01"}},
        [{"type": "GLOBAL", "global": {"shared_state": {"a": 1}, "stream_states": []}}],
        [{"type": "SOMETHING"}],
        [5],
        5,
    ],
    ids=["object", "global", "unknown type", "number within", "number"],
)
def test_a_state_of_no_streams_fails_all_of_them_with_a_sentence(state: Any, sim: Simulator) -> None:
    config = sim.config("Company")
    statuses, message = {}, ""
    try:
        for one in run("read", config, catalog=catalog_of(config, "Customer", "Vendor"), state=state):
            if one["type"] == "TRACE" and one["trace"].get("stream_status"):
                status = one["trace"]["stream_status"]
                statuses[status["stream_descriptor"]["name"]] = status["status"]
    except AirbyteTracedException as error:
        message = error.message or ""
        assert error.failure_type is FailureType.config_error
    assert "does not tell the streams apart" in message
    assert statuses == {"Customer": "INCOMPLETE", "Vendor": "INCOMPLETE"}


def test_a_stream_that_is_gone_is_named_has_a_status_and_the_others_are_read(sim: Simulator) -> None:
    config = sim.config("Company")
    catalog = catalog_of(config, "Customer", "gi__BI-Customers", "Vendor")
    for number, name in ((0, "Client"), (1, "gi__BI-Clients")):
        catalog["streams"][number]["stream"]["name"] = name
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {"Client": "INCOMPLETE", "gi__BI-Clients": "INCOMPLETE", "Vendor": "COMPLETE"}
    for name in ("Client", "gi__BI-Clients"):
        (error,) = [one for one in destination.errors if one["stream_descriptor"]["name"] == name]
        assert f"no stream {name} " in error["message"]
        assert error["failure_type"] == "config_error"
    assert destination.records == len(sim.tenant("Company").rows("Vendor"))


def test_a_list_that_comes_as_one_object_is_told_as_what_it_is(sim: Simulator) -> None:
    def as_object(request: Request, answer: Answer) -> Answer:
        is_list = request.path.endswith("/Customer") and answer.status == 200
        return replace(answer, body=b'{"rows": ' + answer.whole().body + b"}") if is_list else answer

    config = sim.config("Company")
    catalog = catalog_of(config, "Customer", "Vendor")
    sim.rewrite(as_object)
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {"Customer": "INCOMPLETE", "Vendor": "COMPLETE"}
    assert "the answer holds no list of records" in destination.errors[0]["message"]


def test_an_answer_of_another_form_is_told_as_that_and_not_as_broken(sim: Simulator) -> None:
    def as_number(request: Request, answer: Answer) -> Answer:
        is_listing = request.path.rstrip("/") == "/entity" and answer.status == 200
        return replace(answer, body=b'{"endpoints": 3}') if is_listing else answer

    sim.rewrite(as_number)
    said = check(sim.config("Company"))["message"]
    assert "JSON of another form than it should have (Expected `array`" in said


@pytest.mark.parametrize("stream", ["Customer", "Customer__Contacts", "dac__SOOrder", "gi__BI-Customers"])
def test_a_column_that_is_gone_is_told_and_the_others_come(stream: str, sim: Simulator) -> None:
    config = sim.config("Company", dac_tables=["SOOrder"])
    catalog = catalog_of(config, stream)
    catalog["streams"][0]["stream"]["json_schema"]["properties"]["Colour"] = {"type": ["null", "string"]}
    destination = Destination()
    destination.sync(config, catalog)
    (told,) = [one for one in destination.warnings if "Colour" in one]
    assert told.startswith(f"Stream {stream}: ")
    assert destination.records > 0


def test_nothing_is_said_of_columns_that_a_tenant_might_have_which_could_not_be_asked(sim: Simulator) -> None:
    config = sim.config()
    catalog = catalog_of(config, "Customer")
    catalog["streams"][0]["stream"]["json_schema"]["properties"]["Colour"] = {"type": ["null", "string"]}
    sim.account("Zweite Firma").password = "another"
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert not [one for one in destination.warnings if "Colour" in one]
