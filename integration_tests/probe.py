"""Asks a real instance what nobody could find out without one, and changes nothing there.

Each question is one of what BEHAVIOR.md has as uncertain. What cannot be asked by reading, at once and without a risk
is not here: whether a change of nothing but a line moves its document's stamp, after how long an idle session ends,
what a wrong tenant in a client id or too many logins are answered, how the site answers in maintenance, contract
version 5.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.contract.discovery import describe
from source_acumatica.contract.site import Endpoint
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.errors import RequestFailed

# What a probe asks for at most: enough to see a page that the server cuts, little enough for any site.
MANY_ROWS = 3000


@dataclass(frozen=True)
class Answer:
    """Of any status."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of an entity or of an entity set; none where there is something else."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return []
        found = found.get("value", []) if isinstance(found, dict) else found
        return found if isinstance(found, list) else []

    @property
    def told(self) -> str:
        """For a person: status and the beginning of the text."""
        return f"{self.status}, {' '.join(self.text.split())[:160]!r}"


@dataclass(frozen=True)
class Instance:
    """One tenant of a real ERP."""

    client: Client
    tenant: str
    endpoint: Endpoint

    def ask(self, path: str, headers: Mapping[str, str] | None = None, **options: str) -> Answer:
        began = time.monotonic()

        def read(response: requests.Response) -> Answer:
            return Answer(response.status_code, response.headers, response.text, time.monotonic() - began)

        params = {f"${name}": value for name, value in options.items()}
        return self.client.fetch(
            self.tenant, path, params, read=read, where="probe", headers=headers, judge=lambda _response: None
        )

    def entity(self, name: str, **options: str) -> Answer:
        return self.ask(f"/entity/{self.endpoint}/{name}", **options)

    def table(self, call: str, headers: Mapping[str, str] | None = None, **options: str) -> Answer:
        return self.ask(f"/t/{quote(self.tenant)}/api/odata/dac/{call}", headers, **options)


# ------------------------------------------------------------------------------------------------------ the questions


def _offset_of_times(erp: Instance) -> str:
    answer = erp.entity("Customer", top="1", select="LastModifiedDateTime")
    stamps = [row.get("LastModifiedDateTime") for row in answer.rows]
    return f"{stamps}, while the web server's clock says {answer.headers.get('Date')}"


def _order_of_lists(erp: Instance) -> str:
    plain, ordered = (
        [row.get("id") for row in erp.entity("Customer", top="5", select="CustomerID", **options).rows]
        for options in ({}, {"orderby": "CustomerID desc"})
    )
    return "ignored" if plain == ordered else f"another order: {plain} became {ordered}"


def _cap_of_lists(erp: Instance) -> str:
    rows = len(erp.entity("Customer", top=str(MANY_ROWS), select="CustomerID").rows)
    return f"{rows} rows for a $top of {MANY_ROWS}"


def _pages_of_services(erp: Instance) -> str:
    answer = erp.table("Account", select="AccountID,AccountCD")
    return f"{answer.status}, {len(answer.rows)} rows, next link: {'@odata.nextLink' in answer.text}"


def _skip_within_a_filter(erp: Instance) -> str:
    options = {"orderby": "OrderType,OrderNbr", "select": "OrderType,OrderNbr", "top": "500"}
    options |= {"filter": "OrderType ge '  '"}
    first, far = (erp.table("SOOrder", **options, skip=str(skip)) for skip in (0, 2 * MANY_ROWS))
    return (
        f"{first.seconds:.1f} s for the first 500 rows, {far.seconds:.1f} s for {len(far.rows)} behind {2 * MANY_ROWS}"
    )


def _older_odata(erp: Instance) -> str:
    names = ("OData-Version", "DataServiceVersion")
    found = []
    for root in ("odata", "odatav4"):
        answer = erp.ask(f"/{root}/{quote(erp.tenant)}/$metadata")
        versions = [f"{name} {answer.headers[name]}" for name in names if name in answer.headers]
        functions = answer.text.count("<FunctionImport")
        found.append(f"/{root}/: {answer.status}, {functions} functions {', '.join(versions)}".strip())
    return "; ".join(found)


def _ids_of_lines(erp: Instance) -> str:
    twice = [
        [[line.get("id") for line in row.get("Details") or ()] for row in answer.rows]
        for answer in (erp.entity("SalesOrder", top="1", expand="Details") for _ in range(2))
    ]
    if not any(map(any, twice)):
        return f"a list with $expand=Details has no lines: {twice}"
    return "the same twice" if twice[0] == twice[1] else f"other ones each time: {twice}"


def _lines_of_lists(erp: Instance) -> str:
    rows = erp.entity("SalesOrder", top="20", expand="Details", select="OrderNbr,Details").rows
    return f"{sum(bool(row.get('Details')) for row in rows)} of {len(rows)} orders of a list have lines"


def _padded_columns(erp: Instance) -> str:
    rows = erp.table("InventoryItem", top="5").rows
    of_table = sorted({name for row in rows for name, value in row.items() if str(value).endswith(" ")})
    rows = erp.entity("StockItem", top="5", select="InventoryID").rows
    of_entity = [row["InventoryID"] for row in rows if str(row.get("InventoryID", {}).get("value")).endswith(" ")]
    return f"padded with spaces in the table: {of_table}; in the entity: {of_entity}"


def _deleted_records(*tables: str) -> Callable[[Instance], str]:
    def ask(erp: Instance) -> str:
        return "; ".join(f"{table}: {erp.table(f'{table}/px.GetDeletedRecords()', top='1').told}" for table in tables)

    return ask


def _flagged_rows(erp: Instance) -> str:
    options = {"filter": "DeletedDatabaseRecord eq true", "top": "3", "select": "NoteID,LastModifiedDateTime"}
    answer = erp.table("Customer", {"PX-ApiDeleted": "SHOW"}, **options)
    return answer.told


def _bad_token(erp: Instance) -> str:
    url = f"{erp.client.instance_url}/entity/{erp.endpoint}/Customer?$top=1"
    response = requests.get(url, headers={"Authorization": "Bearer no-token"}, timeout=60, allow_redirects=False)
    return (
        f"{response.status_code}, {response.text[:160]!r}, WWW-Authenticate: {response.headers.get('WWW-Authenticate')}"
    )


QUESTIONS: dict[str, Callable[[Instance], str]] = {
    "Which offset do times of the REST API have?": _offset_of_times,
    "What does $orderby do in the REST API?": _order_of_lists,
    "Is a list of the REST API cut?": _cap_of_lists,
    "Does the server cut lists into pages?": _pages_of_services,
    "What does $skip cost within the filter of a keyset?": _skip_within_a_filter,
    "Which versions speak the older OData addresses, and do they describe parameters (functions)?": _older_odata,
    "Do the ids of lines stay the same?": _ids_of_lines,
    "Do lists show lines?": _lines_of_lists,
    "Which columns are padded with spaces?": _padded_columns,
    "What do tables answer whose deletions are tracked, or are not?": _deleted_records(
        "SOOrder", "GLTran", "NoSuchTable"
    ),
    "Is it Vendor or VendorR whose deletions are tracked?": _deleted_records("Vendor", "VendorR"),
    "Which time do rows have that are flagged as deleted?": _flagged_rows,
    "What does a token get that is none?": _bad_token,
}


def findings(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each question with what the first tenant answers; what fails says so, and the others are asked all the same.

    Raises:
        AirbyteTracedException: nobody can be signed in.
    """
    config = Config.parse(settings)
    client = Client(config, RetryPolicy.of_a_check())
    tenant = config.tenants[0]
    try:
        with client.reading(tenant):
            site = describe(client, [tenant], [])
            site.raise_what_failed()
            erp = Instance(client, tenant, site.endpoints[0])
            yield "Which endpoint is read?", str(erp.endpoint)
            for question, probe in QUESTIONS.items():
                try:
                    yield question, probe(erp)
                except (RequestFailed, AirbyteTracedException, requests.RequestException) as error:
                    yield question, f"could not be asked: {error}"
    finally:
        client.close()
