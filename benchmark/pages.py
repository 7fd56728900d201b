"""A server that costs nearly nothing: pages of rows that are spliced together, for what the simulator is too slow for.

It answers what a sync of one entity asks, and nothing else; the entity has as many fields and rows as are wanted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ENTITY = "Customer"
VERSION = "24.200.001"
_KINDS = ("StringValue", "DecimalValue", "IntValue", "BooleanValue", "DateTimeValue", "StringValue")
_VALUES = {
    "StringValue": "some text of a usual length",
    "DecimalValue": 1234.567891,
    "IntValue": 42,
    "BooleanValue": True,
    "DateTimeValue": "2025-03-04T05:06:07.123-05:00",
}
_NUMBER, _BALLAST = "@number@", "@ballast@"


CATALOG: dict[str, Any] = {
    "streams": [
        {
            "stream": {"name": ENTITY, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
            "sync_mode": "incremental",
            "destination_sync_mode": "append_dedup",
        }
    ]
}
"""The entity, to be read by what has changed."""


@dataclass(frozen=True)
class Plan:
    """What there is to be read."""

    rows: int
    fields: int = 60
    row_bytes: int = 0
    """What a row has at least; it is filled up with text."""
    seconds: float = 0.0
    """What a page takes, as long as its session has no other request."""

    def kinds(self) -> dict[str, str]:
        """The fields by name, the key and the cursor among them."""
        own = {"CustomerID": "StringValue", "LastModifiedDateTime": "DateTimeValue", "Ballast": "StringValue"}
        return own | {f"Field{number}": _KINDS[number % len(_KINDS)] for number in range(self.fields - len(own))}

    def row_parts(self) -> list[bytes]:
        """A row around its number."""
        values = {name: _VALUES[kind] for name, kind in self.kinds().items()}
        values |= {"CustomerID": _NUMBER, "Ballast": _BALLAST}
        row = {"id": f"00000000-0000-0000-0000-000{_NUMBER}", "rowNumber": 1, "note": {"value": ""}}
        text = json.dumps(row | {name: {"value": value} for name, value in values.items()} | {"custom": {}})
        text = text.replace(_BALLAST, "x" * max(self.row_bytes - len(text), 1))
        return [part.encode() for part in text.split(_NUMBER)]


class _Site:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.requests = plan, 0
        self._parts = plan.row_parts()
        self._turns: dict[str, Lock] = {}
        self.page = lru_cache(maxsize=4)(self._page)

    def turn_of(self, token: str) -> Lock:
        """The requests of a session are worked off one after another."""
        return self._turns.setdefault(token, Lock())

    def _page(self, skip: int, top: int) -> bytes:
        head, middle, tail = self._parts
        numbers = (b"%09d" % number for number in range(skip, min(skip + top, self.plan.rows)))
        return b"[" + b",".join([b"".join((head, each, middle, each, tail)) for each in numbers]) + b"]"

    def description(self) -> bytes:
        """The entity in OpenAPI 3, contract version 4."""
        properties = {name: {"$ref": f"#/components/schemas/{kind}"} for name, kind in self.plan.kinds().items()}
        wrappers = {kind: {"type": "object", "properties": {"value": {}}} for kind in _KINDS}
        rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{ENTITY}"}}
        answer = {"200": {"content": {"application/json": {"schema": rows}}}}
        return _json(
            {
                "openapi": "3.0.1",
                "info": {"version": "4", "title": "Default"},
                "paths": {f"/{ENTITY}": {"get": {"responses": answer}}},
                "components": {"schemas": {ENTITY: {"type": "object", "properties": properties}, **wrappers}},
            }
        )


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


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
            match url.path.rstrip("/").split("/")[2:]:
                case []:
                    self._answer(_json([{"name": "Default", "version": VERSION, "href": ""}]))
                case [_, _, "swagger.json"]:
                    self._answer(site.description())
                case [_, _, _, "$adHocSchema"]:
                    self._answer(b"{}")
                case [_, _, _]:
                    with site.turn_of(self.headers.get("Authorization", "")):
                        site.requests += 1
                        time.sleep(site.plan.seconds)
                        # Nothing has changed since: a filter by the cursor finds no row.
                        top = 0 if "$filter" in query else int(query.get("$top", site.plan.rows))
                        page = site.page(int(query.get("$skip", 0)), top)
                    self._answer(page)
                case _:
                    self._answer(b"", 404)

        def _answer(self, body: bytes, status: int = 200) -> None:
            head = f"HTTP/1.1 {status} X\r\nDate: {self.date_time_string()}\r\nContent-Type: application/json\r\n"
            length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
            self.wfile.write(f"{head}{length}\r\n".encode() + (body if len(body) < 4096 else b""))
            if len(body) >= 4096:
                self.wfile.write(body)

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
    options = parser.parse_args()
    plan = Plan(options.rows, options.fields, options.row_bytes, options.seconds)
    server = _Server(("127.0.0.1", 0), _handler(_Site(plan)))
    Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "instance_url": f"http://127.0.0.1:{server.server_port}",
        "tenants": ["Company"],
        **{name: "x" for name in ("client_id", "client_secret", "username", "password")},
        "endpoints": [f"Default/{VERSION}"],
        "generic_inquiries": [],
        "include_custom_fields": False,
    }
    sys.stdout.write(json.dumps(settings) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
