"""Credentials of other systems that stand in the ERP's data: they are left out wherever they come from."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from .harness import FULL_REFRESH, Destination, catalog_of, discover
from .simulator import Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request

SECRET = "shpat-0123456789"
# What is put beside a field that there is, in descriptions and in rows.
BESIDE: dict[str, tuple[bytes, bytes]] = {
    "swagger.json": (
        b'"CurrencyID": {',
        b'"AccessToken": {"$ref": "#/components/schemas/StringValue"}, "CurrencyID": {',
    ),
    "adHocSchema": (b'"UsrPriority": {', b'"UsrApiKey": {"type": "CustomStringField", "value": ""}, "UsrPriority": {'),
    "/SalesOrder": (b'"CurrencyID": {', b'"AccessToken": {"value": "shpat-0123456789"}, "CurrencyID": {'),
    "$metadata": (b'<Property Name="CuryID"', b'<Property Name="FtpPass" Type="Edm.String"/><Property Name="CuryID"'),
    "/dac/": (b'"CuryID":', b'"FtpPass": "shpat-0123456789", "CuryID":'),
}


def _with_credentials(request: Request, answer: Answer) -> Answer:
    found = next((pair for part, pair in BESIDE.items() if part in request.path), None)
    if found is None or answer.status != 200:
        return answer
    whole = answer.whole()
    body = whole.body
    if request.path.endswith("swagger.json") or b"json" in answer.content_type.encode():
        body = json.dumps(json.loads(body)).encode()
    return replace(whole, body=body.replace(*found))


@pytest.fixture
def shop() -> Iterator[Simulator]:
    with Simulator(rows=8, tenants=("Company",)) as sim:
        sim.rewrite(_with_credentials)
        yield sim


def test_credentials_are_in_no_catalog_and_no_record_and_the_log_names_them(
    shop: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop.config(dac_tables=["SOOrder"], generic_inquiries=[])
    with caplog.at_level(logging.INFO, "airbyte"):
        found = discover(config)
    assert "SalesOrder.AccessToken" in caplog.text
    assert "FtpPass" in caplog.text
    assert "AccessToken" not in json.dumps(found["SalesOrder"])
    assert "FtpPass" not in json.dumps(found["dac__SOOrder"])
    destination = Destination()
    catalog = catalog_of(config, "SalesOrder", "SalesOrder__Details", "dac__SOOrder", mode=FULL_REFRESH)
    destination.sync(config, catalog)
    assert len(destination.rows("SalesOrder")) == len(shop.tenant("Company").rows("SalesOrder"))
    assert len(destination.rows("dac__SOOrder")) > 0
    assert SECRET not in str(destination.tables)
    assert not [one for one in shop.requests if "UsrApiKey" in one.query.get("$custom", "")]
    assert "UsrPriority" in str(destination.tables["SalesOrder"])


def test_a_connection_that_had_them_selected_goes_on_without(shop: Simulator) -> None:
    config = shop.config(dac_tables=["SOOrder"], generic_inquiries=[])
    catalog = catalog_of(config, "SalesOrder", "dac__SOOrder", mode=FULL_REFRESH)
    for one, name in zip(catalog["streams"], ("AccessToken", "FtpPass"), strict=True):
        one["stream"]["json_schema"]["properties"][name] = {"type": ["null", "string"]}
    destination = Destination()
    destination.sync(config, catalog)
    assert len(destination.rows("SalesOrder")) == len(shop.tenant("Company").rows("SalesOrder"))
    assert SECRET not in str(destination.tables)
