"""The least that reading costs in plain Python: fetch, decode, unwrap, write."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import requests

from .pages import ENTITY, LINES, ORDERS, TABLE, VERSION

Record = dict[str, Any]
Shape = Callable[[Any, str], Iterator[Record]]
"""From a decoded page and the tenant to its records."""


def read(arguments: Sequence[str]) -> None:
    """Write the records of a stream, as the connector does, and nothing else."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.yardstick", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--page-rows", type=int, required=True)
    parser.add_argument("--stream", choices=STREAMS, required=True)
    options = parser.parse_args(arguments)
    settings = json.loads(options.config.read_text())
    instance, tenant = settings["instance_url"], settings["tenants"][0]
    http = requests.Session()
    token = http.post(f"{instance}/identity/connect/token", data={"grant_type": "password"}).json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    path, shape = STREAMS[options.stream]
    url, skip = f"{instance}{path.format(tenant=tenant)}", 0
    while True:
        answer = http.get(url, params={"$skip": skip, "$top": options.page_rows})
        page = orjson.loads(answer.content)
        rows = page["value"] if isinstance(page, dict) else page
        now = int(time.time() * 1000)
        lines = [orjson.dumps(_message(options.stream, record, now)) for record in shape(rows, tenant)]
        sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
        if len(rows) < options.page_rows:
            return
        skip += len(rows)


def _message(stream: str, data: Record, now: int) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": now}}


def _flat(rows: Any, tenant: str) -> Iterator[Record]:
    return ({"_tenant": tenant, **_unwrapped(row)} for row in rows)


def _lines(rows: Any, tenant: str) -> Iterator[Record]:
    for order in rows:
        parent = {
            "_tenant": tenant,
            "_parent_id": order["id"],
            "_parent_OrderType": order["OrderType"].get("value"),
            "_parent_OrderNbr": order["OrderNbr"].get("value"),
            "_parent_modified": order["LastModifiedDateTime"].get("value"),
        }
        lines = order["Details"]
        for number, line in enumerate(lines, start=1):
            yield {**parent, "_line": number, "_line_count": len(lines), **_unwrapped(line)}


def _table(rows: Any, tenant: str) -> Iterator[Record]:
    return ({"_tenant": tenant, **row} for row in rows)


def _unwrapped(row: dict[str, Any]) -> Record:
    return {name: value.get("value") if isinstance(value, dict) else value for name, value in row.items()}


STREAMS: dict[str, tuple[str, Shape]] = {
    ENTITY: (f"/entity/Default/{VERSION}/{ENTITY}", _flat),
    LINES: (f"/entity/Default/{VERSION}/{ORDERS}", _lines),
    TABLE: (f"/t/{{tenant}}/api/odata/dac/{ENTITY}", _table),
}


if __name__ == "__main__":
    read(sys.argv[1:])
