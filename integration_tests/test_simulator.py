"""The simulated ERP, seen through its socket: sign-in, seats, lists, records, descriptions, limits and faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from integration_tests.contract_client import with_instants
from integration_tests.simulator import Fault, FaultKind, SeatAnswer, Simulator
from integration_tests.simulator.catalog.endpoints import ENDPOINTS
from integration_tests.simulator.store.shapes import Endpoint, Entity, Shape

Json = dict[str, Any]
DEFAULT = "Default/24.200.001"
MANUFACTURING = "MANUFACTURING/24.200.001"


class Client:
    """One sign-in of one tenant; calls it makes share one server session."""

    def __init__(self, sim: Simulator, tenant: str = "Company", scope: str = "api offline_access") -> None:
        self.sim, self.tenant, self.scope = sim, tenant, scope
        self.http = requests.Session()
        self.refresh_token = ""

    def token(self, **changes: str) -> requests.Response:
        account = self.sim.account(self.tenant)
        form = {
            "grant_type": "password",
            "client_id": f"{account.client_id}@{self.tenant}",
            "client_secret": account.client_secret,
            "username": account.username,
            "password": account.password,
            "scope": self.scope,
        }
        return self.http.post(f"{self.sim.url}/identity/connect/token", data=form | changes)

    def sign_in(self, **changes: str) -> Client:
        content = self.token(**changes).json()
        self.refresh_token = content.get("refresh_token", "")
        self.http.headers["Authorization"] = f"Bearer {content['access_token']}"
        return self

    def get(self, path: str = "", headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        query = {f"${name}": str(value) for name, value in options.items()}
        url = f"{self.sim.url}/entity" + (f"/{path}" if path else "")
        return self.http.get(url, params=query, headers=headers, allow_redirects=False)

    def rows(self, entity: str, endpoint: str = DEFAULT, **options: Any) -> list[Json]:
        answer = self.get(f"{endpoint}/{entity}", **options)
        assert answer.status_code == 200, answer.text
        rows: list[Json] = json.loads(answer.text, parse_float=Decimal)
        return rows

    def error(self, entity: str, endpoint: str = DEFAULT, **options: Any) -> str:
        answer = self.get(f"{endpoint}/{entity}", **options)
        assert answer.status_code == 500, answer.text
        return str(answer.json()["exceptionMessage"])

    def put(self, entity: str, body: object, expand: str = "Results") -> requests.Response:
        return self.http.put(f"{self.sim.url}/entity/{DEFAULT}/{entity}", json=body, params={"$expand": expand})

    def sign_out(self) -> int:
        return self.http.post(f"{self.sim.url}/entity/auth/logout").status_code


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    """For tests that only read."""
    with Simulator() as sim:
        yield Client(sim).sign_in()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Client:
    return Client(sim).sign_in()


def values(rows: list[Json], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name].get("value") for name in names) for row in rows]


def unwrapped(value: Any) -> Any:
    """The truth as the API shows it, without wrappers and what only the API adds."""
    if isinstance(value, list):
        return [unwrapped(each) for each in value]
    if not isinstance(value, dict):
        return value
    if not value.keys() - {"value", "type"}:
        return value.get("value")
    dropped = ("rowNumber", "note", "_links", "id", "custom")
    return {name: unwrapped(each) for name, each in value.items() if name not in dropped}


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in ("id", "custom")}
    return value.timestamp() if isinstance(value, datetime) else value


# ------------------------------------------------------------------------------------------------ sign-in


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


def test_a_right_password_in_time_starts_the_count_anew(sim: Simulator) -> None:
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


# ------------------------------------------------------------------------------------------------ throttle


def test_above_half_of_the_minute_limit_requests_are_delayed_by_the_time_left_over_the_requests_left() -> None:
    delays: list[float] = []
    with Simulator(requests_per_minute=10, sleep=delays.append) as sim:
        client = Client(sim).sign_in()
        for _ in range(7):
            client.get()
        waits = [delay for delay in delays if delay]
        assert [round(60 / wait) for wait in waits] == [5, 4]
        sim.clock.advance(61)
        client.get()
        assert len([delay for delay in delays if delay]) == 2


def test_a_request_is_declined_when_more_than_twenty_wait_and_a_sign_out_never_is() -> None:
    leave = Event()
    with Simulator(requests_per_minute=2, sleep=lambda seconds: leave.wait(10) if seconds else None, seats=30) as sim:
        clients = [Client(sim).sign_in() for _ in range(23)]
        assert clients[0].get().status_code == 200
        with ThreadPoolExecutor(21) as pool:
            waiting = [pool.submit(client.get) for client in clients[1:22]]
            while sim.throttle.waiting < 21:
                Event().wait(0.005)
            assert clients[22].get().status_code == 429
            assert clients[0].sign_out() == 204
            leave.set()
            assert {each.result().status_code for each in waiting} == {200}


# ------------------------------------------------------------------------------------------------ endpoints


def test_a_new_build_wraps_the_list_of_endpoints_and_an_old_one_does_not(shared: Client) -> None:
    content = shared.get().json()
    assert {"name": "Fabrikam", "version": "1.0", "href": "/AcumaticaERP/entity/Fabrikam/1.0/"} in content["endpoints"]
    assert content["version"]["acumaticaBuildVersion"].startswith("24.2")
    with Simulator(openapi=False, virtual_directory="") as old:
        rows = Client(old).sign_in().get().json()
        assert [row["version"] for row in rows if row["name"] == "Default"] == [
            "20.200.001", "22.200.001", "23.200.001", "24.200.001",
        ]  # fmt: skip
        assert rows[0]["href"] == "/entity/Default/20.200.001/"


def test_the_description_is_openapi_on_a_new_build(shared: Client) -> None:
    document = shared.get(f"{DEFAULT}/swagger.json").json()
    assert document["openapi"] == "3.0.1"
    assert document["info"] == {"title": DEFAULT, "version": "4"}
    assert document["servers"] == [{"url": f"{shared.sim.url}/entity/{DEFAULT}"}]
    order = document["components"]["schemas"]["SalesOrder"]["allOf"]
    assert order[0] == {"$ref": "#/components/schemas/Entity"}
    assert order[1]["properties"]["OrderTotal"] == {"$ref": "#/components/schemas/DecimalValue"}
    details = {"type": "array", "items": {"$ref": "#/components/schemas/SalesOrderDetail"}}
    assert order[1]["properties"]["Details"] == details
    assert order[1]["properties"]["BillToAddress"] == {"$ref": "#/components/schemas/Address"}


def test_the_description_is_swagger_on_an_old_build() -> None:
    with Simulator(openapi=False) as sim:
        document = Client(sim).sign_in().get(f"{MANUFACTURING}/swagger.json").json()
    assert document["swagger"] == "2.0"
    assert document["basePath"] == f"/AcumaticaERP/entity/{MANUFACTURING}"
    assert document["schemes"] == ["http"]
    bom = document["definitions"]["BillOfMaterial"]["allOf"][1]["properties"]
    assert bom["Operations"]["items"] == {"$ref": "#/definitions/OperationDetail"}


@pytest.mark.parametrize("openapi", [True, False])
def test_a_description_resolves_all_its_references_and_has_the_paths_of_each_entity(openapi: bool) -> None:
    with Simulator(openapi=openapi) as sim:
        client = Client(sim).sign_in()
        for endpoint in ENDPOINTS:
            text = client.get(f"{endpoint.name}/{endpoint.version}/swagger.json").text
            document = json.loads(text)
            schemas = document["components"]["schemas"] if openapi else document["definitions"]
            used = {part.split('"')[0].rpartition("/")[2] for part in text.split('"$ref": "')[1:]}
            assert used <= set(schemas)
            assert {path[1:] for path in document["paths"] if path.count("/") == 1} == set(endpoint.entity_by_name)
            assert len(document["paths"]) == 6 * len(endpoint.entities)


def test_no_two_shapes_of_an_endpoint_have_one_name() -> None:
    def shapes(shape: Shape) -> Iterator[Shape]:
        yield shape
        for part in shape.part_by_name.values():
            yield from shapes(part.shape)

    for endpoint in ENDPOINTS:
        by_name: dict[str, Shape] = {}
        for each in (shape for entity in endpoint.entities for shape in shapes(entity)):
            assert by_name.setdefault(each.schema, each) is each


def test_an_older_version_of_the_endpoint_lacks_a_field(shared: Client) -> None:
    assert "CountryOfOrigin" in shared.rows("StockItem", top=1)[0]
    assert "CountryOfOrigin" not in shared.rows("StockItem", "Default/22.200.001", top=1)[0]
    assert "not present" in shared.error("StockItem", "Default/22.200.001", select="CountryOfOrigin")


def test_a_field_may_be_described_and_still_not_be_served(shared: Client) -> None:
    document = shared.get(f"{DEFAULT}/swagger.json").json()
    assert "Secured" in document["components"]["schemas"]["Account"]["allOf"][1]["properties"]
    assert "Secured" not in shared.rows("Account", top=1)[0]
    assert "not present" in shared.error("Account", select="Secured")


def test_what_does_not_exist_is_404(shared: Client) -> None:
    for path in ("Nope/1.0/X", "Default/19.200.001/Customer", "Nope"):
        answer = shared.get(path)
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")
    answer = shared.get(f"{DEFAULT}/Nope")
    assert (answer.status_code, answer.json()["message"][:25]) == (404, "No HTTP resource was foun")
    assert shared.http.get(shared.sim.url.removesuffix("/AcumaticaERP") + "/entity").status_code == 404


def test_only_inquiries_take_a_put(shared: Client) -> None:
    assert shared.put("Customer", {}).status_code == 405


# ------------------------------------------------------------------------------------------------ lists


def listable_paths(entity: Entity) -> list[str]:
    """All that can be expanded in a list."""

    def below(shape: Shape, prefix: str = "") -> Iterator[str]:
        for name, part in shape.part_by_name.items():
            if prefix + name not in entity.limits.delegate_expands:
                yield prefix + name
                yield from below(part.shape, f"{prefix}{name}/")

    return list(below(entity))


def without(row: Json, path: str) -> None:
    head, _, rest = path.partition("/")
    if not rest:
        row.pop(head)
    for inner in row[head] if rest else ():
        without(inner, rest)


def listable(entity: Entity) -> bool:
    limits = entity.limits
    closed = limits.forbidden or limits.setup_missing or limits.delegate_view or limits.delegate_fields
    return not (entity.inquiry or closed)


@pytest.mark.parametrize("endpoint", ENDPOINTS[3:], ids=lambda endpoint: endpoint.name)
def test_every_list_shows_the_truth_in_key_order(shared: Client, endpoint: Endpoint) -> None:
    for entity in filter(listable, endpoint.entities):
        version = f"{endpoint.name}/{endpoint.version}"
        rows = shared.rows(entity.name, version, expand=",".join(listable_paths(entity)))
        truth = shared.sim.tenant("Company").rows(entity.name, endpoint.name)
        for row, path in product(truth, entity.limits.delegate_expands):
            without(row, path)
        assert with_instants(unwrapped(rows)) == comparable(truth)
        if entity.stable_id:
            assert [row["id"] for row in rows] == [row["id"] for row in truth]


def test_keys_order_without_regard_to_letter_case(shared: Client) -> None:
    keys = [row["ClassID"]["value"] for row in shared.rows("ItemClass")]
    assert keys == sorted(keys, key=str.casefold)
    assert keys[-1] == "zubehör"
    orders = values(shared.rows("SalesOrder"), "OrderType", "OrderNbr")
    assert orders == sorted(orders) == shared.sim.tenant("Company").keys("SalesOrder")


def test_skip_comes_before_top_and_the_end_of_the_list_is_an_empty_array(shared: Client) -> None:
    everything = values(shared.rows("Customer"), "CustomerID")
    assert values(shared.rows("Customer", skip=10, top=7), "CustomerID") == everything[10:17]
    assert values(shared.rows("Customer", skip=48), "CustomerID") == everything[48:]
    assert shared.get(f"{DEFAULT}/Customer", skip=50).text == "[]"
    assert shared.rows("Customer", filter="CustomerID eq 'nobody'") == []


def test_orderby_and_unknown_options_are_ignored(shared: Client) -> None:
    plain = shared.get(f"{DEFAULT}/ItemClass").text
    assert shared.get(f"{DEFAULT}/ItemClass", orderby="Description desc", count="true").text == plain


def test_a_window_that_is_no_number_is_a_bad_request(shared: Client) -> None:
    answer = shared.get(f"{DEFAULT}/Customer", top="many")
    assert (answer.status_code, answer.json()["message"]) == (400, "The request is invalid.")


def test_a_filter_narrows_the_list_before_it_is_cut(shared: Client) -> None:
    rows = shared.sim.tenant("Company").rows("SalesOrder")
    expected = [(row["OrderNbr"],) for row in rows if row["OrderType"] == "SO" and row["OrderNbr"] > "000020"]
    query = "OrderType eq 'SO' and OrderNbr gt '000020'"
    assert values(shared.rows("SalesOrder", filter=query), "OrderNbr") == expected
    assert values(shared.rows("SalesOrder", filter=query, skip=2, top=3), "OrderNbr") == expected[2:5]


def test_a_plus_that_is_not_encoded_becomes_a_space_and_a_wrong_literal(shared: Client) -> None:
    since = "LastModifiedDateTime gt datetimeoffset'2025-01-01T00:00:00"
    url = f"{shared.sim.url}/entity/{DEFAULT}/Customer?$filter={since}"
    assert shared.http.get(url + "%2B00:00'").status_code == 200
    answer = shared.http.get(url + "+00:00'")
    assert answer.status_code == 500
    assert answer.json()["exceptionMessage"].startswith("Unrecognized 'Edm.DateTimeOffset' literal")


def test_a_few_forms_answer_a_filter_that_names_no_key_with_no_rows(shared: Client) -> None:
    number = shared.rows("Shipment", top=1)[0]["ShipmentNbr"]["value"]
    assert shared.rows("Shipment", filter="Status ne 'nothing'") == []
    assert len(shared.rows("Shipment", filter=f"ShipmentNbr eq '{number}'")) == 1


def test_errors_of_a_filter_are_500_with_the_exception(shared: Client) -> None:
    answer = shared.get(f"{DEFAULT}/Customer", filter="Nope eq 1")
    assert answer.status_code == 500
    assert answer.json().keys() == {"message", "exceptionMessage", "exceptionType", "stackTrace"}
    assert answer.json()["exceptionType"].endswith("KeyNotFoundException")


def test_details_and_linked_objects_come_only_if_expanded(shared: Client) -> None:
    bare = shared.rows("SalesOrder", top=1)[0]
    assert not {"Details", "BillToAddress", "files"} & bare.keys()
    row = shared.rows("SalesOrder", top=1, expand="BillToAddress,files")[0]
    assert {"BillToAddress", "files"} <= row.keys()
    assert "Details" not in row


def test_an_old_build_sends_collections_that_are_not_expanded_as_empty() -> None:
    with Simulator(openapi=False) as sim:
        client = Client(sim).sign_in()
        assert all(row["Details"] == [] for row in client.rows("SalesOrder"))
        assert any(row["Details"] for row in client.rows("SalesOrder", expand="Details"))
        assert "Details" not in client.rows("SalesOrder", select="OrderNbr", top=1)[0]


def test_a_selection_names_the_collection_too_or_it_does_not_come(shared: Client) -> None:
    assert "Details" not in shared.rows("SalesOrder", select="OrderNbr", expand="Details", top=1)[0]
    assert "Details" not in shared.rows("SalesOrder", select="OrderNbr,Details", top=1)[0]
    whole = shared.rows("SalesOrder", select="OrderNbr,Details", expand="Details")
    assert "OrderTotal" not in whole[0]
    line = next(row["Details"][0] for row in whole if row["Details"])
    assert {"LineNbr", "InventoryID", "OrderQty"} <= line.keys()


def test_paths_in_a_selection_cut_the_fields_of_the_collection(shared: Client) -> None:
    options = {"select": "OrderNbr,Details/InventoryID,BillToAddress/City", "expand": "Details,BillToAddress"}
    rows = shared.rows("SalesOrder", **options)
    line = next(row["Details"][0] for row in rows if row["Details"])
    assert line.keys() == {"id", "rowNumber", "note", "custom", "InventoryID"}
    assert rows[0]["BillToAddress"].keys() == {"id", "rowNumber", "note", "custom", "City"}
    both = shared.rows("SalesOrder", select="Details,Details/InventoryID", expand="Details")
    assert "OrderQty" in next(row["Details"][0] for row in both if row["Details"])


def test_nested_expansion_works_for_linked_objects_in_lists(shared: Client) -> None:
    row = shared.rows("Customer", top=1, expand="MainContact/Address")[0]
    assert "City" in row["MainContact"]["Address"]
    assert "Address" not in shared.rows("Customer", top=1, expand="MainContact")[0]["MainContact"]
    cut = shared.rows("Customer", top=1, expand="MainContact/Address", select="CustomerID,MainContact/Address/City")
    assert cut[0]["MainContact"]["Address"].keys() == {"id", "rowNumber", "note", "custom", "City"}
    assert "Email" not in cut[0]["MainContact"]


@pytest.mark.parametrize(
    "options", [{"select": "Nope"}, {"expand": "Nope"}, {"custom": "Document.Nope"}, {"custom": "Nope/A.B"}]
)
def test_an_unknown_name_in_an_option_is_a_key_that_is_not_in_the_dictionary(
    shared: Client, options: dict[str, str]
) -> None:
    assert shared.error("SalesOrder", **options) == "The given key was not present in the dictionary."


def test_custom_fields_come_only_if_named(shared: Client) -> None:
    assert all(row["custom"] == {} for row in shared.rows("SalesOrder"))
    rows = shared.rows(
        "SalesOrder", custom="Document.AttributeCHANNEL,CurrentDocument.UsrInsured,Details/Transactions.UsrEngraving",
        expand="Details",
    )  # fmt: skip
    truth = shared.sim.tenant("Company").rows("SalesOrder")
    for row, true in zip(rows, truth, strict=True):
        channel = row["custom"]["Document"]["AttributeCHANNEL"]
        assert channel["type"] == "CustomStringField"
        assert channel.get("value") == true["custom"]["Document"]["AttributeCHANNEL"]
        assert row["custom"]["CurrentDocument"]["UsrInsured"]["type"] == "CustomBooleanField"
        lines = [line["custom"]["Transactions"]["UsrEngraving"].get("value") for line in row["Details"]]
        assert lines == [line["custom"]["Transactions"]["UsrEngraving"] for line in true["Details"]]


def test_the_ad_hoc_schema_lists_custom_fields_and_one_that_cannot_be_read(shared: Client) -> None:
    schema = shared.get(f"{DEFAULT}/SalesOrder/$adHocSchema").json()
    assert schema["OrderNbr"] == {}
    assert schema["custom"]["Document"]["UsrPriority"] == {"type": "CustomIntField", "value": None}
    assert schema["Details"][0]["custom"]["Transactions"].keys() == {"UsrEngraving", "UsrPromised"}
    customer = shared.get(f"{DEFAULT}/Customer/$adHocSchema").json()
    assert "GroupMask" in customer["custom"]["CurrentCustomer"]
    assert "Byte[]" in shared.error("Customer", custom="CurrentCustomer.GroupMask")


def test_archived_records_come_only_with_the_header(shared: Client) -> None:
    tenant = shared.sim.tenant("Company")
    shown, hidden = tenant.keys("Invoice", archived=True), tenant.keys("Invoice")
    assert len(hidden) < len(shown) == 50
    answer = shared.get(f"{DEFAULT}/Invoice", headers={"PX-ApiArchive": "SHOW"})
    assert values(answer.json(), "Type", "ReferenceNbr") == shown
    assert values(shared.rows("Invoice"), "Type", "ReferenceNbr") == hidden
    kind, number = next(key for key in shown if key not in hidden)
    path = f"{DEFAULT}/Invoice/{kind}/{number}"
    assert shared.get(path).status_code == 500
    assert shared.get(path, headers={"PX-ApiArchive": "SHOW"}).status_code == 200


# ------------------------------------------------------------------------------------------------ values


def test_an_empty_field_is_an_empty_object_and_a_missing_link_is_null(shared: Client) -> None:
    assert any(row["Description"] == {} for row in shared.rows("SalesOrder"))
    links = [row["PrimaryContact"] for row in shared.rows("Customer", expand="PrimaryContact")]
    assert None in links
    assert any(links)


def test_numbers_come_with_all_the_digits_of_their_scale(shared: Client) -> None:
    text = shared.get(f"{DEFAULT}/SalesOrder", top=1, select="OrderTotal,CurrencyRate").text
    total = shared.sim.tenant("Company").rows("SalesOrder")[0]["OrderTotal"]
    assert f'"OrderTotal":{{"value":{total:f}}}' in text
    assert total.as_tuple().exponent == -6
    rate = json.loads(text, parse_float=Decimal)[0]["CurrencyRate"]["value"]
    assert len(rate.as_tuple().digits) == 18
    assert Decimal(float(rate)) != rate


def test_date_times_come_in_the_zone_of_the_server_without_trailing_zeros(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    for number, (microsecond, tail) in enumerate([(0, ""), (530_000, ".53"), (124_500, ".123"), (996_000, ".997")], 1):
        stamp = datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)
        tenant.update("Customer", (f"C{number:06d}",), {"Status": "Active"}, stamp=stamp)
        row = client.get(f"{DEFAULT}/Customer/C{number:06d}").json()
        assert row["LastModifiedDateTime"]["value"] == f"2026-01-01T22:04:05{tail}-05:00"


def test_business_dates_are_midnight_in_the_zone_of_the_server(shared: Client) -> None:
    assert all(row["Date"]["value"][10:] == "T00:00:00-05:00" for row in shared.rows("SalesOrder"))
    with Simulator(offset_minutes=330) as sim:
        rows = Client(sim).sign_in().rows("SalesOrder")
        assert all(row["Date"]["value"][10:] == "T00:00:00+05:30" for row in rows)


def test_the_id_of_a_record_stays_and_that_of_a_line_changes_with_each_request(shared: Client) -> None:
    first, second = (shared.rows("SalesOrder", expand="Details") for _ in range(2))
    assert [row["id"] for row in first] == [row["id"] for row in second]
    assert [row["id"] for row in first] == [row["NoteID"]["value"] for row in first]
    line_ids = [{line["id"] for row in rows for line in row["Details"]} for rows in (first, second)]
    assert line_ids[0]
    assert not line_ids[0] & line_ids[1]


def test_rows_of_an_inquiry_in_an_endpoint_have_ids_that_do_not_last(shared: Client) -> None:
    first, second = (shared.rows("OpenItems", "Fabrikam/1.0") for _ in range(2))
    assert not {row["id"] for row in first} & {row["id"] for row in second}
    assert [unwrapped(row) for row in first] == [unwrapped(row) for row in second]


def test_files_are_listed_with_links_if_expanded(shared: Client) -> None:
    row = shared.rows("Bill", top=1, expand="files")[0]
    assert row["files"][0].keys() == {"id", "filename", "href", "comment"}
    assert row["_links"]["self"].endswith(f"/AcumaticaERP/entity/{DEFAULT}/Bill/{row['id']}")


# ------------------------------------------------------------------------------------------------ single records


def test_a_record_is_found_by_its_keys_in_order_and_by_its_id(shared: Client) -> None:
    row = shared.rows("SalesOrder", top=1)[0]
    paths = (
        f"{row['OrderType']['value']}/{row['OrderNbr']['value']}",
        f"{row['OrderType']['value']}|{row['OrderNbr']['value']}",
        row["id"],
    )
    for path in paths:
        assert shared.get(f"{DEFAULT}/SalesOrder/{path}").json(parse_float=Decimal) == row
    assert shared.get(f"{DEFAULT}/Contact/100003").json()["ContactID"] == {"value": 100003}
    equipment = shared.rows("Equipment", "Fabrikam/1.0", top=1)[0]
    assert shared.get(f"Fabrikam/1.0/Equipment/{equipment['id']}").json(parse_float=Decimal) == equipment


@pytest.mark.parametrize("path", ["SO/999999", "SO", "00000000-0000-0000-0000-000000000000"])
def test_a_record_that_is_not_there_is_500(shared: Client, path: str) -> None:
    answer = shared.get(f"{DEFAULT}/SalesOrder/{path}")
    assert (answer.status_code, answer.json()["exceptionMessage"]) == (500, "No entity satisfies the condition.")


def test_a_key_with_a_slash_is_unreachable_by_path_and_reachable_by_id(shared: Client) -> None:
    for path in ("A/C", "A%2FC"):
        assert shared.get(f"{DEFAULT}/ItemClass/{path}").status_code == 404
    row = shared.rows("ItemClass", filter="ClassID eq 'A/C'")[0]
    assert shared.get(f"{DEFAULT}/ItemClass/{row['id']}").json() == row


# ------------------------------------------------------------------------------------------------ what screens refuse


def test_a_list_fails_on_fields_of_a_delegate_view_and_names_them(shared: Client) -> None:
    message = shared.error("Currency")
    assert message.startswith("Optimization cannot be performed.The following fields cause the error:\r\n")
    assert message.splitlines()[1:] == [
        "RealGainAcctID: View CuryRecords has BQL delegate", "RealLossAcctID: View CuryRecords has BQL delegate",
    ]  # fmt: skip
    assert "RealGainAcctID" not in shared.error("Currency", select="CurrencyID,RealLossAcctID")
    assert len(shared.rows("Currency", select="CurrencyID,Description")) == 5
    assert shared.get(f"{DEFAULT}/Currency/EUR").json()["RealGainAcctID"]["value"]


def test_a_list_behind_a_delegate_gives_its_keys_only(shared: Client) -> None:
    expected = "Optimization cannot be performed.There is a BqlDelegate in view Features."
    assert shared.error("VendorClass") == expected
    assert shared.error("VendorClass", select="ClassID,Description") == expected
    keys = shared.rows("VendorClass", select="ClassID")
    assert [unwrapped(row) for row in keys] == [
        {"ClassID": key} for (key,) in shared.sim.tenant("Company").keys("VendorClass")
    ]
    assert shared.get(f"{DEFAULT}/VendorClass/LOCAL", expand="Attributes").status_code == 200


def test_payments_refuse_any_selection_and_their_history_in_lists(shared: Client) -> None:
    assert shared.error("Payment", select="Type") == "Optimization cannot be performed."
    assert len(shared.rows("Payment", expand="DocumentsToApply")) == 50
    assert "BqlDelegate" in shared.error("Payment", expand="ApplicationHistory")
    kind, number = shared.sim.tenant("Company").keys("Payment")[0]
    path = f"{DEFAULT}/Payment/{kind}/{number}"
    assert "ApplicationHistory" in shared.get(path, expand="ApplicationHistory", select="ApplicationHistory").json()


def test_bills_of_material_list_operations_but_not_their_material(shared: Client) -> None:
    assert any(row["Operations"] for row in shared.rows("BillOfMaterial", MANUFACTURING, expand="Operations"))
    assert "BqlDelegate" in shared.error("BillOfMaterial", MANUFACTURING, expand="Operations,Operations/Material")
    truth = shared.sim.tenant("Company").rows("BillOfMaterial", endpoint="MANUFACTURING")
    bom = next(row for row in truth if any(operation["Material"] for operation in row["Operations"]))
    path = f"{MANUFACTURING}/BillOfMaterial/{bom['BOMID']}/{bom['Revision']}"
    row = shared.get(path, expand="Operations,Operations/Material").json(parse_float=Decimal)
    material = [operation["Material"] for operation in row["Operations"]]
    assert with_instants(unwrapped(material)) == comparable([each["Material"] for each in bom["Operations"]])


def test_a_form_without_rights_is_403_and_one_that_is_not_set_up_is_500(shared: Client) -> None:
    answer = shared.get(f"{DEFAULT}/Employee")
    expected = {"message": "You have insufficient rights to access the Employees (EP203000) form."}
    assert (answer.status_code, answer.json()) == (403, expected)
    answer = shared.get(f"{DEFAULT}/PayGroup")
    assert answer.status_code == 500
    assert answer.json()["exceptionType"].endswith("PXSetupNotEnteredException")


def test_an_inquiry_form_is_read_by_put_with_its_parameters(shared: Client) -> None:
    assert "BqlDelegate" in shared.error("AccountSummaryInquiry")
    parameters = {"Period": "012025", "Ledger": "ACTUAL"}
    body = {name: {"value": value} for name, value in parameters.items()}
    answer = shared.put("AccountSummaryInquiry", body)
    rows = json.loads(answer.text, parse_float=Decimal)["Results"]
    assert unwrapped(rows) == shared.sim.tenant("Company").results("AccountSummaryInquiry", parameters)
    assert rows
    other = shared.put("AccountSummaryInquiry", body | {"Period": {"value": "022025"}}).json()["Results"]
    assert {*values(rows, "Account")} <= {*values(other, "Account")}
    assert values(rows, "EndingBalance") != values(other, "EndingBalance")
    assert "Results" not in shared.put("AccountSummaryInquiry", body, expand="").json()


def test_an_inquiry_without_its_mandatory_parameters_is_empty_or_rejected(shared: Client) -> None:
    answer = shared.put("AccountSummaryInquiry", {"Period": {"value": "012025"}})
    assert answer.status_code == 422
    assert answer.json()["Ledger"] == {"error": "Error: 'Ledger' cannot be empty."}
    assert shared.put("InventorySummaryInquiry", {"WarehouseID": {"value": "RETAIL"}}).json()["Results"] == []
    item = {"InventoryID": {"value": "AAITEM0000001"}}
    assert values(shared.put("InventorySummaryInquiry", item).json()["Results"], "InventoryID") == [("AAITEM0000001",)]
    url = f"{shared.sim.url}/entity/{DEFAULT}/InventorySummaryInquiry"
    answer = shared.http.put(url)
    assert answer.status_code == 400
    assert answer.json()["modelState"] == {"": ["The request body should not be empty."]}


# ------------------------------------------------------------------------------------------------ changes


def test_rows_are_inserted_changed_and_deleted_while_it_runs(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    before = len(tenant.keys("SalesOrder"))
    key = tenant.insert("SalesOrder", {"OrderType": "QT", "OrderNbr": "000000", "BillToAddress": {"City": "Oslo"}})
    assert key == ("QT", "000000") == tenant.keys("SalesOrder")[0]
    line = {"LineNbr": 7, "OrderQty": Decimal("2.500000")}
    tenant.update("SalesOrder", key, {"Hold": True, "Details": [line], "custom": {"Document": {"UsrPriority": 4}}})
    row = client.rows("SalesOrder", top=1, expand="Details,BillToAddress", custom="Document.UsrPriority")[0]
    assert row["Hold"] == {"value": True}
    assert row["BillToAddress"]["City"] == {"value": "Oslo"}
    assert values(row["Details"], "LineNbr", "OrderQty") == [(7, Decimal("2.500000"))]
    assert row["custom"]["Document"]["UsrPriority"]["value"] == 4
    tenant.delete("SalesOrder", key)
    assert client.get(f"{DEFAULT}/SalesOrder/{row['id']}").status_code == 500
    assert len(client.rows("SalesOrder")) == before
    with pytest.raises(KeyError):
        tenant.delete("SalesOrder", key)


def test_a_filter_asked_again_sees_what_changed_in_between(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    query = "Status eq 'Inactive'"
    found = values(client.rows("Customer", filter=query), "CustomerID")
    tenant.update("Customer", found[0], {"Status": "Active"})
    assert values(client.rows("Customer", filter=query), "CustomerID") == found[1:]
    tenant.delete("Customer", found[1])
    assert values(client.rows("Customer", filter=query), "CustomerID") == found[2:]


def test_a_row_is_inserted_and_found_without_regard_to_letter_case(sim: Simulator, client: Client) -> None:
    sim.tenant("Company").insert("ItemClass", {"ClassID": "bread"})
    keys = [row["ClassID"]["value"] for row in client.rows("ItemClass")]
    assert keys == ["A/C", "AALL", "bread", "BÄCKEREI", "ELEC PARTS", "SERVICE", "zubehör"]
    assert client.get(f"{DEFAULT}/ItemClass/BREAD").json()["ClassID"] == {"value": "bread"}


def test_a_change_stamps_the_record_with_the_clock_or_as_told(sim: Simulator, client: Client) -> None:
    tenant, late = sim.tenant("Company"), datetime(2025, 5, 5, 12, tzinfo=UTC)
    sim.clock.advance(86_400)
    tenant.update("SalesOrder", tenant.keys("SalesOrder")[3], {"Details": []})
    tenant.insert("SalesOrder", stamp=late)
    rows = dict(zip(tenant.keys("SalesOrder"), tenant.rows("SalesOrder"), strict=True))
    assert sim.clock.now() - rows[tenant.keys("SalesOrder")[3]]["LastModified"] < timedelta(seconds=5)
    assert rows[tenant.keys("SalesOrder")[-1]]["LastModified"] == late
    one_second = "LastModified ge datetimeoffset'{0}:00Z' and LastModified lt datetimeoffset'{0}:01Z'"
    assert len(client.sign_in().rows("SalesOrder", filter=one_second.format("2025-05-05T12:00"))) == 1


def test_an_entity_without_keys_is_changed_by_the_key_it_was_given(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    key = tenant.insert("OpenItems", {"Comment": "new"}, endpoint="Fabrikam")
    tenant.update("OpenItems", key, {"Comment": "changed"}, endpoint="Fabrikam")
    assert client.rows("OpenItems", "Fabrikam/1.0")[-1]["Comment"] == {"value": "changed"}
    tenant.delete("OpenItems", key, endpoint="Fabrikam")
    assert len(client.rows("OpenItems", "Fabrikam/1.0")) == 50


def test_records_are_archived_while_it_runs(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    key = tenant.keys("Invoice")[0]
    tenant.archive("Invoice", key)
    assert values(client.rows("Invoice", top=1), "Type", "ReferenceNbr") != [key]
    tenant.archive("Invoice", key, archived=False)
    assert values(client.rows("Invoice", top=1), "Type", "ReferenceNbr") == [key]


def test_what_the_truth_says_can_be_written_back(sim: Simulator) -> None:
    tenant = sim.tenant("Company")
    before = tenant.rows("SalesOrder")[5]
    changes = {name: value for name, value in before.items() if name not in ("OrderType", "OrderNbr")}
    tenant.update("SalesOrder", (before["OrderType"], before["OrderNbr"]), changes)
    assert tenant.rows("SalesOrder")[5] == before


def test_a_hook_changes_rows_in_the_middle_of_a_paged_read(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    sim.before_request(lambda request: tenant.delete("Vendor", tenant.keys("Vendor")[0]))
    pages = [values(client.rows("Vendor", skip=skip, top=10), "VendorID") for skip in (0, 10)]
    assert pages[0][-1] == ("V000011",)
    assert pages[1][0] == ("V000013",)


def test_the_same_settings_give_the_same_data_and_another_seed_does_not() -> None:
    def rows(seed: int) -> list[Json]:
        return Simulator(seed=seed).tenant("Company").rows("SalesOrder")

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_the_data_set_has_what_breaks_careless_code() -> None:
    tenant = Simulator(rows=200).tenant("Company")
    orders, customers = tenant.rows("SalesOrder"), tenant.rows("Customer")
    assert {len(row["Details"]) for row in orders} == {0, 1, 2, 3}
    stamps = [row["LastModifiedDateTime"] for row in customers]
    assert max(stamps.count(stamp) for stamp in stamps) > 10
    text = json.dumps(customers, default=str, ensure_ascii=False)
    assert all(part in text for part in ("🚚", "株式会社", "O'Brien", '\\"Quote\\"', "\\n"))
    assert {row["OrderType"] for row in orders} == {"QT", "RC", "SO", "TR"}


def test_a_table_of_a_million_rows_costs_nothing_until_it_is_read() -> None:
    with Simulator(rows=1_000_000, lines=1) as sim:
        client = Client(sim).sign_in()
        page = client.rows("Customer", skip=999_990, top=100)
        assert values(page, "CustomerID")[-1] == ("C1000000",)
        assert client.get(f"{DEFAULT}/Customer/C500000").status_code == 200


# ---------------------------------------------------------------------------------------------- faults, clock, services


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (FaultKind.TRUNCATED_JSON, lambda answer: answer.status_code == 200 and not answer.text.endswith("]")),
        (FaultKind.HTML_200, lambda answer: answer.status_code == 200 and "<html" in answer.text),
        (FaultKind.EMPTY_200, lambda answer: answer.status_code == 200 and not answer.content),
        (FaultKind.ERROR_REDIRECT, lambda answer: "/Frames/Error.aspx?" in answer.headers["Location"]),
        (FaultKind.STATUS_500, lambda answer: answer.status_code == 500),
        (FaultKind.STATUS_502, lambda answer: answer.status_code == 502),
        (FaultKind.STATUS_503, lambda answer: answer.status_code == 503),
        (FaultKind.STATUS_504, lambda answer: answer.status_code == 504),
        (FaultKind.STATUS_429, lambda answer: answer.status_code == 429),
        (FaultKind.SESSION_DROPPED, lambda answer: answer.status_code == 401),
        (FaultKind.SLOW, lambda answer: answer.elapsed.total_seconds() > 0.05 and answer.status_code == 200),
    ],
)
def test_a_fault_strikes_once_and_then_all_is_well(
    sim: Simulator, client: Client, kind: FaultKind, check: Callable[[requests.Response], bool]
) -> None:
    sim.faults.add(Fault(kind, path="ItemClass", seconds=0.05))
    assert check(client.get(f"{DEFAULT}/ItemClass"))
    assert len(client.rows("ItemClass")) == 6


@pytest.mark.parametrize("kind", [FaultKind.DISCONNECT, FaultKind.NO_ANSWER])
def test_a_connection_may_break_in_the_body_or_before_the_head(sim: Simulator, client: Client, kind: FaultKind) -> None:
    sim.faults.add(Fault(kind, path="Customer"))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.get(f"{DEFAULT}/Customer")
    assert len(client.rows("Customer")) == 50


def test_a_token_may_be_dropped_in_the_middle(sim: Simulator, client: Client) -> None:
    sim.faults.add(Fault(FaultKind.TOKEN_DROPPED, after=1))
    assert client.get().status_code == 200
    assert client.get().status_code == 401
    assert client.get().status_code == 401
    assert sim.sessions.open_count() == 0
    assert client.sign_in().get().status_code == 200


def test_a_fault_counts_the_requests_that_match_its_path_and_method(sim: Simulator, client: Client) -> None:
    sim.faults.add(Fault(FaultKind.STATUS_503, path=r"Customer\?.*skip=10", method="GET", after=1, times=2))
    statuses = [client.get(f"{DEFAULT}/Customer", skip=skip).status_code for skip in (10, 20, 10, 10, 10)]
    assert statuses == [200, 200, 503, 503, 200]
    sim.faults.add(Fault(FaultKind.STATUS_503, path="$filter=(CustomerID"))
    assert client.get(f"{DEFAULT}/Customer", filter="(CustomerID eq 'x')").status_code == 503


def test_sign_in_and_sign_out_can_fail_too(sim: Simulator, client: Client) -> None:
    sim.faults.add(Fault(FaultKind.STATUS_503, path="/identity/connect/token"))
    sim.faults.add(Fault(FaultKind.STATUS_500, path="/entity/auth/logout"))
    client.get()
    assert Client(sim).token().status_code == 503
    assert Client(sim).token().status_code == 200
    assert client.sign_out() == 500
    assert sim.sessions.open_count() == 1
    assert client.sign_out() == 204


def test_the_date_header_and_the_stamps_follow_the_clock(sim: Simulator, client: Client) -> None:
    sim.clock.advance(30 * 86_400)
    sent = parsedate_to_datetime(Client(sim).token().headers["Date"])
    assert abs(sent - sim.clock.now()) < timedelta(seconds=5)


def test_requests_are_kept_in_order_with_what_was_answered(sim: Simulator, client: Client) -> None:
    client.get(f"{DEFAULT}/Customer", filter="CustomerID eq 'Ü+1'")
    client.get(f"{DEFAULT}/Nope")
    seen = [(each.method, each.path, each.tenant, each.status) for each in sim.requests]
    assert seen == [
        ("POST", "/identity/connect/token", "Company", 200),
        ("GET", f"/entity/{DEFAULT}/Customer", "Company", 200),
        ("GET", f"/entity/{DEFAULT}/Nope", "Company", 404),
    ]
    assert sim.requests[1].query == {"$filter": "CustomerID eq 'Ü+1'"}
    assert "authorization" not in sim.requests[1].headers


def test_another_process_changes_the_data_through_the_control_interface(sim: Simulator, client: Client) -> None:
    def verb(name: str, **content: object) -> Any:
        return client.http.post(f"{sim.url}/_simulator/{name}", json=content).json()

    row = {"tenant": "Company", "entity": "Customer"}
    assert verb("insert", **row, values={"CustomerID": "AAA"}, stamp="2025-01-01T00:00:00Z") == {"key": ["AAA"]}
    verb("update", **row, key=["AAA"], values={"CustomerName": "Neu", "CreditLimit": 1.10})
    url = f"{sim.url}/_simulator/rows"
    first = client.http.get(url, params=row).json()[0]
    assert (first["CustomerName"], first["CreditLimit"]) == ("Neu", "1.1")
    assert first["CreatedDateTime"] == "2025-01-01T00:00:00+00:00"
    assert verb("delete", **row, key=["AAA"]) == {}
    assert len(client.http.get(url, params=row).json()) == 50
    before = sim.clock.now()
    verb("advance", seconds=100)
    assert sim.clock.now() - before > timedelta(seconds=99)
    verb("fault", kind="status_503", path="Customer")
    assert client.get(f"{DEFAULT}/Customer").status_code == 503
    verb("take", seats=3)
    stats = client.http.get(f"{sim.url}/_simulator/stats").json()
    assert (stats["open_sessions"], stats["requests"], stats["statuses"]) == (1, 2, {"200": 1, "503": 1})
    assert client.http.post(f"{sim.url}/_simulator/delete", json={**row, "key": ["nobody"]}).status_code == 400


def test_one_command_starts_it_and_a_signal_ends_it(tmp_path: Path) -> None:
    out = tmp_path / "config.json"
    command = [sys.executable, "-m", "integration_tests.simulator", "--rows", "5", "--tenant", "Zweite Firma"]
    folder = Path(__file__).parent.parent
    with subprocess.Popen([*command, "--config-out", str(out)], cwd=folder, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        told = json.loads(run.stdout.readline())
        assert json.loads(out.read_text(encoding="utf-8")) == told["config"]
        assert told["config"]["tenants"] == ["Zweite Firma"]
        assert requests.get(f"{told['url']}/entity").status_code == 401
        run.terminate()
        assert run.wait(10) == 0
