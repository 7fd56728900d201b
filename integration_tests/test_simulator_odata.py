"""Tests where the simulator's OData services are, who may ask them, and how they page and describe."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
import requests

from integration_tests.odata_client import (
    EDM,
    Json,
    ODataClient,
)
from integration_tests.odata_client import (
    a_tracking_site as a_tracking_site,
)
from integration_tests.odata_client import (
    an_odata_client as an_odata_client,
)
from integration_tests.simulator import Fault, FaultKind, SeatAnswer, Simulator
from integration_tests.simulator_client import Client

OLD_EDM = "{http://schemas.microsoft.com/ado/2009/11/edm}"


# ------------------------------------------------------------------------------------------- addresses and sign-in


def test_a_new_build_serves_both_services_under_the_tenants_address(odata: ODataClient) -> None:
    for service in ("gi", "dac"):
        answer = odata.get(odata.root(service))
        assert answer.status_code == 200
        assert answer.json()["@odata.context"].endswith(f"/t/Company/api/odata/{service}/$metadata")


def test_letter_case_matters_in_the_tenants_name_only(odata: ODataClient) -> None:
    assert odata.get("/t/Company/API/OData/GI/BI-Customers").status_code == 200
    assert odata.get("/t/company/api/odata/gi/BI-Customers").status_code == 404


def test_a_tenant_with_a_space_in_its_name_has_an_address(sim: Simulator) -> None:
    odata = ODataClient(sim, "Zweite Firma")
    assert len(odata.inquiry("BI-Customers")) == 30
    assert "/t/Zweite%20Firma/" in odata.get(odata.root("gi")).json()["@odata.context"]


def test_an_unknown_tenant_is_not_found(odata: ODataClient) -> None:
    assert odata.get("/t/Nobody/api/odata/gi").status_code == 404
    assert odata.get("/odatav4/Nobody/SOOrder").status_code == 404


@pytest.mark.parametrize("service", ["gi/BI-Customers", "dac/SOOrder", "dac/$metadata", "gi"])
def test_without_a_good_token_of_the_tenant_the_answer_is_401_and_not_json(sim: Simulator, service: str) -> None:
    url = f"{sim.url}/t/Company/api/odata/{service}"
    for headers in ({}, {"Authorization": "Bearer no"}, dict(ODataClient(sim, "Zweite Firma").http.headers)):
        answer = requests.get(url, headers={name: str(value) for name, value in headers.items()})
        assert (answer.status_code, answer.content) == (401, b"")
        assert "json" not in answer.headers["Content-Type"]


def test_new_builds_keep_the_old_address_of_the_tables_but_not_of_the_inquiries(odata: ODataClient) -> None:
    assert ODataClient.rows(odata.get("/odatav4/Company/SOOrder", top=1)) == odata.table("SOOrder", top=1)
    assert odata.get("/odata/Company/BI-Customers").status_code == 404


@pytest.mark.parametrize(("version", "context"), [(3, "odata.metadata"), (4, "@odata.context")])
def test_a_new_build_can_be_one_that_still_answers_under_the_old_address(version: Any, context: str) -> None:
    with Simulator(rows=3, legacy_inquiries=version) as sim:
        content = ODataClient(sim).get("/odata/Company/BI-Customers", format="json").json()
        assert context in content
        assert len(content["value"]) == 3


def test_an_old_build_has_none_of_the_new_addresses() -> None:
    with Simulator(rows=3, openapi=False) as sim:
        odata = ODataClient(sim)
        assert odata.get(odata.root("gi")).status_code == 404
        assert odata.get("/odata/Company/", format="json").status_code == 200
        assert "@odata.context" in odata.get("/odatav4/Company/SOOrder").json()


def test_a_site_with_one_tenant_may_leave_its_name_out_of_the_old_address() -> None:
    with Simulator(("Company",), rows=3, openapi=False) as sim:
        odata = ODataClient(sim)
        assert len(odata.get("/odata/BI-Customers", format="json").json()["value"]) == 3
        assert len(odata.get("/odata/Company/BI-Customers", format="json").json()["value"]) == 3


def test_odata_and_contract_share_one_session_and_sign_out_ends_it(sim: Simulator) -> None:
    client = Client(sim).sign_in()
    client.rows("Customer", top=1)
    client.http.get(f"{sim.url}/t/Company/api/odata/dac/SOOrder")
    assert (sim.sessions.open_count(), sim.sessions.opened_total) == (1, 1)
    assert client.sign_out() == 204
    assert sim.sessions.open_count() == 0


def test_a_service_needs_a_seat_like_everything_else() -> None:
    with Simulator(rows=3, seats=1, seat_answer=SeatAnswer.REDIRECT) as sim:
        first, second = ODataClient(sim), ODataClient(sim)
        assert first.get(first.root("gi")).status_code == 200
        assert second.get(second.root("gi")).status_code == 302


def test_faults_hooks_and_the_request_log_see_the_services_too(sim: Simulator, odata: ODataClient) -> None:
    seen: list[str] = []
    sim.before_request(lambda request: seen.append(request.path))
    sim.faults.add(Fault(FaultKind.STATUS_503, path="BI-Customers"))
    path = f"{odata.root('gi')}/BI-Customers"
    assert [odata.get(path).status_code for _ in range(2)] == [503, 200]
    assert seen == [path, path]
    assert [(each.path, each.tenant, each.status) for each in sim.requests[-2:]] == [
        (path, "Company", 503),
        (path, "Company", 200),
    ]


def test_calls_to_the_services_of_one_session_are_worked_off_one_after_another(
    sim: Simulator, odata: ODataClient
) -> None:
    running, most, gate = 0, 0, Event()

    def hook(_: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        gate.wait(0.03)
        running -= 1

    sim.before_request(hook)
    threads = [Thread(target=odata.table, args=("SOOrder",)) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == 1


def test_a_licence_limit_slows_the_services_down() -> None:
    waits: list[float] = []
    with Simulator(rows=3, requests_per_minute=4, sleep=waits.append) as sim:
        odata = ODataClient(sim)
        for _ in range(4):
            odata.table("SOOrder")
    assert max(waits) > 10


def test_a_dropped_token_is_401_at_the_services(sim: Simulator, odata: ODataClient) -> None:
    sim.faults.add(Fault(FaultKind.TOKEN_DROPPED, path="SOOrder"))
    assert [odata.get(f"{odata.root('dac')}/SOOrder").status_code for _ in range(2)] == [401, 401]


def test_the_services_are_read_only(sim: Simulator, odata: ODataClient) -> None:
    assert odata.http.post(f"{sim.url}{odata.root('dac')}/SOOrder", json={}).status_code == 405


# -------------------------------------------------------------------------------------- pages that the server cuts


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("path", ["gi/BI-Customers", "dac/SOOrder"])
def test_a_server_that_pages_links_each_page_to_the_next(path: str, relative: bool) -> None:
    with Simulator(rows=25, odata_page_rows=10, odata_relative_links=relative) as sim:
        odata = ODataClient(sim)
        root = odata.root(path.split("/")[0])
        rows: list[Json] = []
        link = f"{root}/{path.split('/')[1]}?$select=NoteID" if "dac" in path else f"{root}/{path.split('/')[1]}"
        while link:
            content = odata.get(link).json()
            rows += content["value"]
            assert len(content["value"]) <= 10
            link = content.get("@odata.nextLink", "")
            assert link.startswith("http") or not link or relative
            link = f"{root}/{link}" if relative and link else link.removeprefix(sim.url)
        truth = sim.tenant("Company")
        assert len(rows) == len(truth.gi_rows("BI-Customers") if "gi" in path else truth.dac_rows("SOOrder"))
        assert len({str(row) for row in rows}) == len(rows)


def test_a_link_goes_no_further_than_the_rows_asked_for() -> None:
    with Simulator(rows=25, odata_page_rows=4) as sim:
        odata = ODataClient(sim)
        first = odata.get(f"{odata.root('dac')}/ARInvoice", top=6, skip=2, select="RefNbr").json()
        second = odata.get(first["@odata.nextLink"].removeprefix(sim.url)).json()
        numbers = [row["RefNbr"] for row in first["value"] + second["value"]]
        assert numbers == [row["RefNbr"] for row in sim.tenant("Company").dac_rows("ARInvoice")[2:8]]
        assert "@odata.nextLink" not in second


# ----------------------------------------------------------------------------------------- description of the tables


def test_keys_of_a_derived_type_stand_in_its_base(odata: ODataClient) -> None:
    types = {each.get("Name"): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    invoice, register, lookup = types["ARInvoice"], types["ARRegister"], types["VendorR"]
    assert invoice.get("BaseType") == "PX.Objects.AR.ARRegister"
    assert invoice.find(f"{EDM}Key") is None
    assert [each.get("Name") for each in register.iter(f"{EDM}PropertyRef")] == ["DocType", "RefNbr"]
    assert lookup.get("BaseType") == "PX.Objects.AP.Vendor"


def test_no_derived_type_repeats_a_column_of_its_base(odata: ODataClient) -> None:
    types = {str(each.get("Name")): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    derived = [each for each in types.values() if each.get("BaseType")]
    assert len(derived) > 3
    for each in derived:
        base = types[str(each.get("BaseType")).rsplit(".", 1)[-1]]
        inherited, own = ({one.get("Name") for one in of.iter(f"{EDM}Property")} for of in (base, each))
        assert not inherited & own


def test_the_description_lists_all_that_a_row_has(odata: ODataClient) -> None:
    types = {each.get("Name"): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    described = {each.get("Name"): each.get("Type") for each in types["SOOrder"].iter(f"{EDM}Property")}
    assert odata.table("SOOrder", top=1)[0].keys() == described.keys() - {"Selected"}
    assert described["Tstamp"] == "Edm.Binary"
    assert described["NoteID"] == "Edm.Guid"
    assert described["CustomerID"] == "Edm.Int32"
    paths = {each.get("Name"): each.get("Type") for each in types["SOOrder"].iter(f"{EDM}NavigationProperty")}
    assert paths["SOLineCollection"] == "Collection(PX.Objects.SO.SOLine)"


def test_the_description_names_the_restricted_fields_the_singletons_and_the_deletions(odata: ODataClient) -> None:
    description = odata.description("dac")
    orders = description.find(f".//{EDM}EntitySet[@Name='SOOrder']")
    assert orders is not None
    note = orders.find(f"{EDM}Annotation[@Term='Cap.FilterRestrictions']")
    assert note is not None
    assert [each.text for each in note.iter(f"{EDM}PropertyPath")] == ["Selected"]
    assert description.find(f".//{EDM}Singleton[@Name='SOSetup']") is not None
    assert description.find(f".//{EDM}ComplexType[@Name='DeletedRecordResult']") is not None
    bound = [each.get("Type") for each in description.iterfind(f".//{EDM}Function[@IsBound='true']/{EDM}Parameter")]
    assert "Collection(PX.Objects.SO.SOOrder)" in bound


def test_the_description_can_be_as_long_as_that_of_a_real_site_and_comes_as_a_stream() -> None:
    with Simulator(rows=3, inflate_metadata_mb=20) as sim:
        odata = ODataClient(sim)
        started = time.monotonic()
        answer = odata.get(f"{odata.root('dac')}/$metadata")
        assert time.monotonic() - started < 2
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert 18e6 < len(answer.content) < 22e6
        description = fromstring(answer.content)
        assert len(list(description.iter(f"{EDM}EntitySet"))) > 5000
        assert len(list(description.iter(f"{EDM}EntityType"))) > 2000
        assert len(odata.get(odata.root("dac")).json()["value"]) > 5000


def test_a_stream_can_break_in_the_middle(sim: Simulator, odata: ODataClient) -> None:
    sim.faults.add(Fault(FaultKind.DISCONNECT, path="metadata"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        odata.get(f"{odata.root('dac')}/$metadata")


# -------------------------------------------------------------------------------------------------------- version 3


@pytest.fixture
def old() -> Iterator[ODataClient]:
    with Simulator(rows=30, openapi=False) as simulator:
        yield ODataClient(simulator)


def test_version_3_frames_and_writes_in_its_own_way(old: ODataClient) -> None:
    content = old.get("/odata/Company/BI-Customers", format="json", top=1).json()
    row = content["value"][0]
    assert content["odata.metadata"].endswith("/odata/Company/$metadata#BI-Customers")
    assert re.fullmatch(r"\d{12}\.\d{6}", row["CreditLimit"]), "decimals are text"
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}(\.\d+)?", row["LastModifiedOn"]), "instants have no zone"


def test_version_3_lists_inquiries_without_their_kind(old: ODataClient) -> None:
    rows = old.get("/odata/Company/", format="json").json()["value"]
    assert {"name": "Open Orders 2.0", "url": "Open%20Orders%202.0"} in rows


def test_version_3_describes_itself_in_its_own_words(old: ODataClient) -> None:
    description = fromstring(old.get("/odata/Company/$metadata").content)
    customers = description.find(f".//{OLD_EDM}EntityType[@Name='BI_Customers']")
    assert customers is not None
    types = {each.get("Name"): each.get("Type") for each in customers.iter(f"{OLD_EDM}Property")}
    assert types["LastModifiedOn"] == "Edm.DateTime"


def test_version_3_has_literals_of_its_own(old: ODataClient) -> None:
    path, truth = "/odata/Company/BI-Customers", old.sim.tenant("Company").gi_rows("BI-Customers")
    rows = old.get(path, format="json", filter="LastModifiedOn ge datetime'2025-01-01T00:00:00'").json()["value"]
    newer = [each for each in truth if each["LastModifiedOn"] >= datetime(2025, 1, 1, tzinfo=UTC)]
    assert sorted(row["CustomerID"] for row in rows) == [each["CustomerID"] for each in newer]
    wrong = old.get(path, format="json", filter="LastModifiedOn ge 2025-01-01T00:00:00Z")
    assert wrong.status_code == 400
    assert wrong.json()["odata.error"]["message"]["lang"] == "en-US"


def test_version_3_answers_with_atom_unless_json_is_asked_for(old: ODataClient) -> None:
    old.http.headers["Accept"] = "*/*"
    assert "atom" in old.get("/odata/Company/BI-Customers").headers["Content-Type"]
    assert "json" in old.get("/odata/Company/BI-Customers", format="json").headers["Content-Type"]


@pytest.mark.parametrize("value", ["C-9", "'C-9'"])
def test_version_3_takes_parameters_among_the_options(old: ODataClient, value: str) -> None:
    old.sim.tenant("Company").insert("SalesOrder", {"CustomerID": "C-9"})
    path = "/odata/Company/OrdersbyCustomer_WithParameters?$format=json"
    assert len(old.get(f"{path}&Customer={value}").json()["value"]) == 1
    assert old.get(path).json()["value"] == []
    by_set = f"/odata/Company/Orders%20by%20Customer?$format=json&Customer={value}"
    assert old.get(by_set).json()["value"] == [], "the set itself takes none"


def test_version_3_links_its_pages_too() -> None:
    with Simulator(rows=5, openapi=False, odata_page_rows=3) as sim:
        odata = ODataClient(sim)
        content = odata.get("/odata/Company/BI-Customers", format="json").json()
        link = content["odata.nextLink"].removeprefix(sim.url)
        assert len(content["value"] + odata.get(link).json()["value"]) == 5


# ------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_knows_the_services(tmp_path: Any) -> None:
    arguments = ["--rows", "3", "--track", "SOOrder", "--odata-page-rows", "2", "--tenant", "Company"]
    command = [sys.executable, "-m", "integration_tests.simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        verbs = f"{url}/_simulator"
        key = requests.post(f"{verbs}/insert", json={"tenant": "Company", "entity": "SalesOrder"}).json()["key"]
        requests.post(f"{verbs}/delete", json={"tenant": "Company", "entity": "SalesOrder", "key": key})
        query = {"tenant": "Company", "table": "SOOrder", "inquiry": "BI-Customers"}
        counts = [
            len(requests.get(f"{verbs}/{verb}", params=query).json()) for verb in ("deleted", "dac_rows", "gi_rows")
        ]
        process.terminate()
    assert counts[0] == 1
    assert counts[2] == 3
