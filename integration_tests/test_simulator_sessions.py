"""Tests how the simulator signs in, counts seats and works off requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Event
from urllib.parse import urlsplit

import pytest

from integration_tests.simulator import SeatAnswer, Simulator
from integration_tests.simulator_client import DEFAULT, Client, values
from integration_tests.simulator_client import a_client as a_client
from integration_tests.simulator_client import a_site as a_site


def test_a_password_grant_gives_a_bearer_token_for_an_hour_and_a_refresh_token_only_if_asked(sim: Simulator) -> None:
    content = Client(sim).token().json()
    assert (content["expires_in"], content["token_type"], content["scope"]) == (3600, "Bearer", "api offline_access")
    assert "refresh_token" in content
    assert "refresh_token" not in Client(sim, scope="api").token().json()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "00000000-0000-0000-0000-000000000000@Company"},
        {"client_secret": "wrong"},
        {"client_id": "no suffix"},
    ],
)
def test_a_wrong_client_is_an_invalid_client(sim: Simulator, changes: dict[str, str]) -> None:
    answer = Client(sim).token(**changes)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize("suffix", ["", "@company", "@Nowhere", "@Company "])
def test_the_tenant_behind_the_client_id_must_be_its_login_name_letter_by_letter(sim: Simulator, suffix: str) -> None:
    answer = Client(sim).token(client_id=sim.account("Company").client_id + suffix)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_other_grants_and_scopes_are_refused_by_name(sim: Simulator) -> None:
    client = Client(sim)
    assert client.token(grant_type="client_credentials").json()["error"] == "unauthorized_client"
    assert client.token(grant_type="device").json()["error"] == "unsupported_grant_type"
    assert client.token(scope="openid").json()["error"] == "invalid_scope"
    assert client.token(scope="api api:concurrent_access").json()["error"] == "invalid_scope"


def test_an_account_locks_after_bad_passwords_and_then_the_right_one_fails_too(sim: Simulator) -> None:
    client, expected = Client(sim), {"error": "invalid_grant", "error_description": "invalid_username_or_password"}
    for _ in range(sim.lock_after):
        assert client.token(password="wrong").json() == expected
    assert client.token().json() == expected
    assert Client(sim, "Zweite Firma").token().status_code == 200
    assert sim.sign_ins("Company") == sim.lock_after + 1


def test_a_right_password_in_time_starts_the_count_again(sim: Simulator) -> None:
    client = Client(sim)
    for _ in range(2):
        for _ in range(sim.lock_after - 1):
            client.token(password="wrong")
        assert client.token().status_code == 200


def test_a_refresh_token_works_once_and_keeps_the_session(sim: Simulator, client: Client) -> None:
    client.get()
    old = client.refresh_token
    client.sign_in(grant_type="refresh_token", refresh_token=old)
    assert client.get().status_code == 200
    assert (sim.sessions.open_count(), sim.sessions.opened_total) == (1, 1)
    assert client.token(grant_type="refresh_token", refresh_token=old).json() == {"error": "invalid_grant"}


def test_tenants_may_share_one_client_or_have_their_own() -> None:
    names = ("Company", "Zweite Firma")
    with Simulator(names) as sim:
        assert sim.account(names[0]).client_id == sim.account(names[1]).client_id
        assert "tenant_credentials" not in sim.config()
    with Simulator(names, shared_client=False) as sim:
        assert sim.account(names[0]).client_id != sim.account(names[1]).client_id
        assert [each["tenant"] for each in sim.config(*names)["tenant_credentials"]] == list(names)
        assert Client(sim, names[1]).sign_in().get().status_code == 200


def test_each_tenant_has_data_of_its_own_and_copies_have_the_same_ids(sim: Simulator) -> None:
    one, other = (sim.tenant(name).rows("Customer") for name in ("Company", "Zweite Firma"))
    assert [row["id"] for row in one] == [row["id"] for row in other]
    assert one != other
    rows = Client(sim, "Zweite Firma").sign_in().rows("Customer")
    assert values(rows, "CustomerName") == [(row["CustomerName"],) for row in other]


def test_without_a_good_token_every_call_is_401(sim: Simulator, client: Client) -> None:
    anonymous = Client(sim)
    assert anonymous.get().status_code == 401
    assert anonymous.get(f"{DEFAULT}/Customer").json() == {"message": "You are not logged in."}
    sim.clock.advance(3601)
    assert client.get().status_code == 401


# ------------------------------------------------------------------------------------------------ sessions, seats


def test_the_session_opens_with_the_first_call_and_ends_with_the_sign_out(sim: Simulator, client: Client) -> None:
    assert sim.sessions.open_count() == 0
    client.get()
    client.rows("Customer")
    assert sim.sessions.open_count() == 1
    assert client.sign_out() == 204
    assert sim.sessions.open_count() == 0
    client.get()
    assert (sim.sessions.open_count(), sim.sessions.opened_total) == (1, 2)


def test_a_sign_out_without_content_length_is_411_and_the_session_stays(sim: Simulator, client: Client) -> None:
    client.get()
    parts = urlsplit(sim.url)
    connection = HTTPConnection(str(parts.hostname), parts.port)
    connection.putrequest("POST", f"{parts.path}/entity/auth/logout")
    connection.putheader("Authorization", str(client.http.headers["Authorization"]))
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()
    assert sim.sessions.open_count() == 1


@pytest.mark.parametrize(
    ("seat_answer", "status", "text"),
    [
        (SeatAnswer.API_LOGIN_LIMIT, 500, "API Login Limit"),
        (SeatAnswer.PLAIN_429, 429, "The custom error module does not recognize this error."),
        (SeatAnswer.REDIRECT, 302, "moved"),
        (SeatAnswer.EMPTY_200, 200, ""),
    ],
)
def test_without_a_free_seat_the_first_call_fails_in_one_of_four_ways(
    seat_answer: SeatAnswer, status: int, text: str
) -> None:
    with Simulator(seats=2, seat_answer=seat_answer) as sim:
        sim.sessions.take(1)
        first, second = Client(sim).sign_in(), Client(sim).sign_in()
        assert first.get().status_code == 200
        answer = second.get()
        assert answer.status_code == status
        assert (text in answer.text) if text else not answer.text
        if status == 302:
            assert "concurrent%20API%20logins" in answer.headers["Location"]
            assert second.http.get(sim.url.rpartition("/")[0] + answer.headers["Location"]).status_code == 200
        first.sign_out()
        assert second.get().status_code == 200
        assert sim.sessions.peak == 1


def test_an_idle_session_ends_and_so_does_one_whose_token_ran_out(sim: Simulator) -> None:
    Client(sim).sign_in().get()
    sim.clock.advance(599)
    assert sim.sessions.open_count() == 1
    sim.clock.advance(2)
    assert sim.sessions.open_count() == 0
    with Simulator(idle_seconds=10_000) as other:
        Client(other, scope="api").sign_in().get()
        Client(other, scope="api offline_access").sign_in().get()
        other.clock.advance(3600)
        assert other.sessions.open_count() == 1


def test_revoking_a_token_kills_the_token_and_frees_nothing(sim: Simulator, client: Client) -> None:
    client.get()
    token = str(client.http.headers["Authorization"]).removeprefix("Bearer ")
    assert client.http.post(f"{sim.url}/identity/connect/revocation", data={"token": token}).status_code == 200
    assert client.get().status_code == 401
    assert client.sign_out() == 401
    assert sim.sessions.open_count() == 1


def test_requests_of_one_session_are_worked_off_one_after_another_and_sessions_beside_each_other(
    sim: Simulator,
) -> None:
    running, most = [0], [0]
    slow = Event()

    def hook(request: object) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        slow.wait(0.03)
        running[0] -= 1

    sim.before_request(hook)
    one, other = Client(sim).sign_in(), Client(sim).sign_in()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: one.get(), range(4)))
        assert most[0] == 1
        list(pool.map(lambda client: client.get(), [one, other]))
    assert most[0] == 2


def test_a_sign_out_does_not_wait_for_the_running_request(sim: Simulator, client: Client) -> None:
    entered, leave = Event(), Event()
    sim.before_request(lambda request: entered.set())
    sim.before_request(lambda request: leave.wait(5))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.get)
        assert entered.wait(5)
        other = Client(sim)
        other.http.headers["Authorization"] = client.http.headers["Authorization"]
        assert other.sign_out() == 204
        assert not running.done()
        leave.set()
        assert running.result().status_code == 200
