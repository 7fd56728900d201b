"""Tests that the simulator's data, clock and faults behave while somebody reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from integration_tests.simulator import Fault, FaultKind, Simulator
from integration_tests.simulator_client import DEFAULT, Client, Json, values
from integration_tests.simulator_client import a_client as a_client
from integration_tests.simulator_client import a_site as a_site


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
