"""The least that reading a list costs in plain Python: fetch, decode, unwrap, write."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import requests

from .pages import ENTITY, VERSION


def main() -> None:
    """Write the records of the entity, as the connector does, and nothing else."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.yardstick", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--page-rows", type=int, required=True)
    options = parser.parse_args()
    settings = json.loads(options.config.read_text())
    instance, tenant = settings["instance_url"], settings["tenants"][0]
    http = requests.Session()
    token = http.post(f"{instance}/identity/connect/token", data={"grant_type": "password"}).json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    url, skip = f"{instance}/entity/Default/{VERSION}/{ENTITY}", 0
    while True:
        answer = http.get(url, params={"$skip": skip, "$top": options.page_rows})
        rows = orjson.loads(answer.content)
        now = int(time.time() * 1000)
        lines = [orjson.dumps(_message({"_tenant": tenant, **_unwrapped(row)}, now)) for row in rows]
        sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
        if len(rows) < options.page_rows:
            return
        skip += len(rows)


def _message(data: dict[str, Any], now: int) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": ENTITY, "data": data, "emitted_at": now}}


def _unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.get("value") if isinstance(value, dict) else value for name, value in row.items()}


if __name__ == "__main__":
    main()
