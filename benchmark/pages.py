"""A server that costs nearly nothing: pages of rows that are spliced together, for what the simulator is too slow for.

It answers what a sync of one entity asks, and nothing else; the entity has as many fields and rows as are wanted. As
real sites do, it writes JSON without spaces; with ``--real`` its answers are compressed and chunked, too, and carry the
headers and cookies of the facts (BEHAVIOR.md, fact 241).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ENTITY, ORDERS = "Customer", "SalesOrder"
LINES, TABLE = f"{ORDERS}__Details", f"dac__{ENTITY}"
VERSION = "24.200.001"
LINES_IN_ORDER, _LINE_FIELDS = 10, 30
_KINDS = ("StringValue", "DecimalValue", "IntValue", "BooleanValue", "DateTimeValue", "StringValue")
_VALUES = {
    "StringValue": "some text of a usual length",
    "DecimalValue": 1234.567891,
    "IntValue": 42,
    "BooleanValue": True,
    "DateTimeValue": "2025-03-04T05:06:07.123-05:00",
}
_EDM = {
    "StringValue": "String",
    "DecimalValue": "Decimal",
    "IntValue": "Int32",
    "BooleanValue": "Boolean",
    "DateTimeValue": "DateTimeOffset",
}
# As the connector writes it, so that whoever passes it on as it is writes the same.
_STAMP = "2025-03-04T05:06:07.@micros@Z"
_UTC = "2025-03-04T10:06:07.123Z"
_NUMBER, _MICROS, _BALLAST = "@number@", "@micros@", "@ballast@"


def catalog(*streams: str, sync_mode: str = "incremental") -> dict[str, Any]:
    """The streams, to be read by what has changed or in full."""
    return {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
                "sync_mode": sync_mode,
                "destination_sync_mode": "append_dedup",
            }
            for name in streams
        ]
    }


@dataclass(frozen=True)
class Plan:
    """What there is to be read: so many rows of each entity."""

    rows: int
    fields: int = 60
    row_bytes: int = 0
    """What a row has at least; it is filled up with text."""
    seconds: float = 0.0
    """What a page takes, as long as its session has no other request."""
    entities: int = 1
    """How many there are like the first."""
    has_odata: bool = True
    real: bool = False
    """Whether answers come as those of real sites, compressed and in chunks."""

    def names(self) -> list[str]:
        """The entities that are alike."""
        return [ENTITY, *(f"{ENTITY}{number}" for number in range(1, self.entities))]

    def kinds(self) -> dict[str, str]:
        """The fields of a row by name, the key and the cursor among them."""
        return _with_others({"CustomerID": "StringValue", **_COMMON, "Ballast": "StringValue"}, self.fields)

    def order_kinds(self) -> dict[str, str]:
        """The fields of an order."""
        return {"OrderType": "StringValue", "OrderNbr": "StringValue", **_COMMON}

    def line_kinds(self) -> dict[str, str]:
        """The fields of a line of an order."""
        return _with_others({"LineNbr": "IntValue"}, _LINE_FIELDS)

    def row_template(self) -> bytes:
        """A row, to be filled with its number."""
        values = _values(self.kinds()) | {"CustomerID": _NUMBER, "Ballast": _BALLAST}
        text = _json(_record(values)).decode()
        return _template(text.replace(_BALLAST, "x" * max(self.row_bytes - len(text), 1)))

    def key_template(self) -> bytes:
        """The same where only its key is selected."""
        return _template(json.dumps(_record({"CustomerID": _NUMBER})))

    def order_template(self) -> bytes:
        """An order with its lines."""
        lines = [_record(_values(self.line_kinds()) | {"LineNbr": number + 1}) for number in range(LINES_IN_ORDER)]
        order = _record(_values(self.order_kinds()) | {"OrderType": "SO", "OrderNbr": _NUMBER})
        return _template(_json({**order, "Details": lines}).decode())

    def table_template(self) -> bytes:
        """A row of the table; OData has all its times in UTC."""
        values = {name: _UTC if value == _VALUES["DateTimeValue"] else value for name, value in self._table_values()}
        return _template(_json(values).decode())

    def _table_values(self) -> Iterable[tuple[str, Any]]:
        return (_values(self.kinds()) | {"CustomerID": _NUMBER, "Ballast": "x"}).items()


_COMMON = {"LastModifiedDateTime": "DateTimeValue"}


def _with_others(own: dict[str, str], count: int) -> dict[str, str]:
    return own | {f"Field{number}": _KINDS[number % len(_KINDS)] for number in range(count - len(own))}


def _values(kinds: Mapping[str, str]) -> dict[str, Any]:
    return {name: _STAMP if name in _COMMON else _VALUES[kind] for name, kind in kinds.items()}


def _record(values: Mapping[str, Any]) -> dict[str, Any]:
    head = {"id": f"00000000-0000-0000-0000-000{_NUMBER}", "rowNumber": 1, "note": {"value": ""}}
    return {**head, **{name: {"value": value} for name, value in values.items()}, "custom": {}}


def _template(text: str) -> bytes:
    """A row that is to be filled with its number; each has a time of its own."""
    return text.replace(_NUMBER, "%(number)09d").replace(_MICROS, "%(micros)06d").encode()


class _Site:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.pages_sent = plan, 0
        self.first_asked_at = self.last_sent_at = 0.0
        self.hours_behind, self.gone_of = 0.0, 0
        """How far the clock is behind, and which of so many rows are gone: those whose number can be divided by it."""
        self._templates = {name: plan.row_template() for name in plan.names()}
        self._templates |= {ORDERS: plan.order_template(), TABLE: plan.table_template(), _KEYS: plan.key_template()}
        self._turns: dict[str, Lock] = {}
        # The pages of a few readings: what is asked for again costs nothing but its way.
        self.page = lru_cache(maxsize=64 if plan.real else 8)(self._page)
        self.packed = lru_cache(maxsize=64)(partial(gzip.compress, compresslevel=_COMPRESSION))

    def turn_of(self, token: str) -> Lock:
        """The requests of a session are worked off one after another."""
        return self._turns.setdefault(token, Lock())

    def turn(self, hours_behind: float, gone_of: int) -> None:
        """Set the clock, and delete one of ``gone_of`` rows without a word; 0: none."""
        self.hours_behind, self.gone_of = hours_behind, gone_of
        self.page.cache_clear()

    def record(self, id_: str) -> bytes | None:
        """The record with an id; None where it is gone."""
        number = int(id_.replace("-", ""))
        is_gone = self.gone_of and number % self.gone_of == 0
        return None if is_gone else self._filled(ENTITY, number)

    def _filled(self, name: str, number: int) -> bytes:
        return self._templates[name] % {b"number": number, b"micros": number % 10**6}

    def _number(self, place: int) -> int:
        """That of the row at a place of the list."""
        if not self.gone_of:
            return place
        blocks, rest = divmod(place, self.gone_of - 1)
        return blocks * self.gone_of + 1 + rest

    def _page(self, name: str, skip: int, top: int) -> bytes:
        count = self.plan.rows - (-(-self.plan.rows // self.gone_of) if self.gone_of else 0)
        places = range(skip, min(skip + top, count))
        filled = [self._filled(name, self._number(place)) for place in places]
        rows = b"[" + b",".join(filled) + b"]"
        return b'{"value":' + rows + b"}" if name == TABLE else rows

    def answer(self, name: str, query: Mapping[str, str]) -> bytes:
        """A page; where rows are asked for from a place on, the last comparison is the one of the key."""
        condition, skip, top = query.get("$filter", ""), int(query.get("$skip", 0)), int(query.get("$top", 0))
        if name != TABLE:
            since = _SINCE.search(condition)
            is_none = condition and not (since and since[1] <= _LAST_CHANGE)
            return self.page(_KEYS if query.get("$select") == "CustomerID" else name, skip, 0 if is_none else top)
        place = _PLACE.search(condition)
        return self.page(name, skip + int(place[1] if place else 0), 0 if "eq null" in condition else top)

    def description(self) -> bytes:
        """The entities in OpenAPI 3, contract version 4."""
        line = "SalesOrderDetail"
        schemas = {name: self.plan.kinds() for name in self.plan.names()}
        schemas |= {ORDERS: self.plan.order_kinds(), line: self.plan.line_kinds()}
        described = {name: {"type": "object", "properties": _described(kinds)} for name, kinds in schemas.items()}
        described[ORDERS]["properties"]["Details"] = {"type": "array", "items": _reference(line)}
        wrappers = {kind: {"type": "object", "properties": {"value": {}}} for kind in _KINDS}
        return _json(
            {
                "openapi": "3.0.1",
                "info": {"version": "4", "title": "Default"},
                "paths": {f"/{name}": {"get": {"responses": _listed(name)}} for name in schemas if name != line},
                "components": {"schemas": {**described, **wrappers}},
            }
        )

    def table_description(self) -> bytes:
        """The table in CSDL 4."""
        kinds = self.plan.kinds().items()
        columns = "".join(f'<Property Name="{name}" Type="Edm.{_EDM[kind]}"/>' for name, kind in kinds)
        return _CSDL.replace("@columns@", columns).encode()


_KEYS = f"keys of {ENTITY}"
_PLACE = re.compile(r"CustomerID ge '(\d+)'")
_SINCE = re.compile(r"LastModifiedDateTime ge datetimeoffset'([^']+)'")
# All rows were changed within this second.
_LAST_CHANGE = "2025-03-04T05:06:08"
_CSDL = """<?xml version="1.0"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="PX.Objects.AR" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Customer">
<Key><PropertyRef Name="CustomerID"/></Key>@columns@</EntityType></Schema>
<Schema Namespace="Default" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityContainer Name="Default">
<EntitySet Name="PX_Objects_AR_Customer" EntityType="PX.Objects.AR.Customer"/>
<EntitySet Name="Customer" EntityType="PX.Objects.AR.Customer"/>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>
"""


# Servers compress what they make on request as quickly as they can; the size of the chunks is a guess.
_COMPRESSION, _CHUNK_BYTES = 1, 16 * 1024
_REAL_HEAD = """\
Transfer-Encoding: chunked
Content-Type: application/json; charset=utf-8
Content-Encoding: gzip
Vary: Accept-Encoding
Cache-Control: no-cache
Set-Cookie: ASP.NET_SessionId=0123456789abcdefghijklmn; path=/; HttpOnly; SameSite=Lax
Set-Cookie: UserBranch=16; path=/
Set-Cookie: Locale=Culture=en-US&TimeZone=GMTM0500A; path=/
Set-Cookie: requestid=0123456789ABCDEF0123456789ABCDEF; path=/
Set-Cookie: requeststat=+st:86+sc:~/entity/Default/24.200.001/Customer+start:638690000000000000; path=/
""".replace("\n", "\r\n")


def _described(kinds: Mapping[str, str]) -> dict[str, Any]:
    return {name: _reference(kind) for name, kind in kinds.items()}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(name: str) -> dict[str, Any]:
    rows = {"type": "array", "items": _reference(name)}
    return {"200": {"content": {"application/json": {"schema": rows}}}}


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _handler(site: _Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "/connect/token" in self.path:
                token = {"access_token": f"token{time.monotonic_ns()}", "expires_in": 3600, "token_type": "Bearer"}
                self._answer(_json(token))
            else:
                self._answer(b"", 204)

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(unquote(url.query)).items()}
            match url.path.strip("/").split("/"):
                case ["entity"]:
                    self._answer(_json([{"name": "Default", "version": VERSION, "href": ""}]))
                case ["entity", _, _, "swagger.json"]:
                    self._answer(site.description())
                case ["turn", hours_behind, gone_of]:
                    site.turn(float(hours_behind), int(gone_of))
                    self._answer(b"{}")
                case ["t", *_] if not site.plan.has_odata:
                    self._answer(b"", 404)
                case ["t", _, "api", "odata", "dac", "$metadata"]:
                    self._answer(site.table_description())
                case ["pages-sent"]:
                    self._answer(_json(site.pages_sent))
                case ["seconds-of-reading"]:
                    self._answer(_json(site.last_sent_at - site.first_asked_at))
                case ["entity", _, _, _, "$adHocSchema"]:
                    self._answer(b"{}")
                case ["t", _, "api", "odata", "dac", _]:
                    self._answer_page(TABLE, query)
                case ["entity", _, _, name]:
                    self._answer_page(name, query)
                case ["entity", _, _, _, id_]:
                    site.pages_sent += 1
                    record = site.record(id_)
                    self._answer(record or b"", 200 if record else 404)
                case _:
                    self._answer(b"", 404)

        def _answer_page(self, name: str, query: Mapping[str, str]) -> None:
            with site.turn_of(self.headers.get("Authorization", "")):
                site.pages_sent += 1
                site.first_asked_at = site.first_asked_at or time.monotonic()
                time.sleep(site.plan.seconds)
                page = site.answer(name, query)
            self._answer(page)
            site.last_sent_at = time.monotonic()

        def _answer(self, body: bytes, status: int = 200) -> None:
            if site.plan.real and body and "gzip" in self.headers.get("Accept-Encoding", ""):
                self._answer_really(body, status)
                return
            now = self.date_time_string(time.time() - 3600 * site.hours_behind)
            head = f"HTTP/1.1 {status} X\r\nDate: {now}\r\nContent-Type: application/json\r\n"
            length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
            self.wfile.write(f"{head}{length}\r\n".encode() + (body if len(body) < 4096 else b""))
            if len(body) >= 4096:
                self.wfile.write(body)

        def _answer_really(self, body: bytes, status: int) -> None:
            packed = site.packed(body)
            head = f"HTTP/1.1 {status} X\r\nDate: {self.date_time_string()}\r\n{_REAL_HEAD}\r\n".encode()
            pieces = [packed[start : start + _CHUNK_BYTES] for start in range(0, len(packed), _CHUNK_BYTES)]
            self.wfile.write(head + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*pieces, b"")))

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has had enough of a page hangs up."""


@contextmanager
def serving(rows: int, *options: str) -> Iterator[dict[str, Any]]:
    """Serve in a process of its own, and give the connector's settings."""
    command = [sys.executable, "-m", __name__, "--rows", str(rows), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        settings: dict[str, Any] = json.loads(process.stdout.readline())
        yield settings


def main() -> None:
    """Serve until standard input is closed; the first line of output is the connector's settings."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.pages", description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--fields", type=int, default=60)
    parser.add_argument("--row-bytes", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--entities", type=int, default=1)
    parser.add_argument("--no-odata", dest="has_odata", action="store_false")
    parser.add_argument("--real", action="store_true")
    plan = Plan(**vars(parser.parse_args()))
    server = _Server(("127.0.0.1", 0), _handler(_Site(plan)))
    Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "instance_url": f"http://127.0.0.1:{server.server_port}",
        "tenants": ["Company"],
        **{name: "x" for name in ("client_id", "client_secret", "username", "password")},
        "endpoints": [f"Default/{VERSION}"],
        "generic_inquiries": [],
        "dac_tables": [ENTITY],
        "include_custom_fields": False,
    }
    sys.stdout.write(json.dumps(settings) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
