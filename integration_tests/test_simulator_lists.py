"""Tests what endpoints and lists the simulator has, and what their options do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import pytest

from integration_tests.contract_client import with_instants
from integration_tests.simulator import Simulator
from integration_tests.simulator.catalog.endpoints import ENDPOINTS
from integration_tests.simulator.store.shapes import Endpoint, Entity, Shape
from integration_tests.simulator_client import (
    DEFAULT,
    MANUFACTURING,
    Client,
    Json,
    comparable,
    unwrapped,
    values,
)
from integration_tests.simulator_client import (
    a_client as a_client,
)
from integration_tests.simulator_client import (
    a_shared_client as a_shared_client,
)
from integration_tests.simulator_client import (
    a_site as a_site,
)


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
