"""Plays somebody who uses the connector from Python: PyAirbyte, with a DuckDB file that keeps rows and states.

A program of its own, in an environment of its own: it reads one request, JSON, from standard input, and writes the
answer to the file that it is given, since PyAirbyte tells its progress on standard output. `warehouse.py` starts it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DATABASE = "acumatica.duckdb"


def sync(folder: str, executable: str, config: dict[str, Any], streams: list[str]) -> dict[str, Any]:
    """Check, then read the streams: as a whole the first time, from the kept state later."""
    # Each costs seconds, and a delivery needs only one.
    import airbyte
    from airbyte.caches import DuckDBCache

    source = airbyte.get_source(
        "source-acumatica", config=config, local_executable=Path(executable), install_if_missing=False
    )
    try:
        source.check()
    except airbyte.exceptions.AirbyteConnectorCheckFailedError as error:
        return {"error": str(error)}
    source.select_streams(streams)
    cache = DuckDBCache(db_path=Path(folder, DATABASE), cache_dir=Path(folder, "cache"))
    return {"available": source.get_available_streams(), "records": source.read(cache=cache).processed_records}


def deliver(
    folder: str, executable: str, config: dict[str, Any], streams: list[str], destination: str
) -> dict[str, Any]:
    """Read the streams as a whole and hand each message on to a destination, as Airbyte does; a file keeps them."""
    import airbyte

    local = {"install_if_missing": False}
    source = airbyte.get_source("source-acumatica", config=config, local_executable=Path(executable), **local)
    file = str(Path(folder, "delivered.jsonl"))
    kept = airbyte.get_destination(
        "destination-plain", config={"file": file}, local_executable=Path(destination), **local
    )
    kept.write(source, streams=streams, cache=False, state_cache=False)
    return {"file": file}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    answer = {"sync": sync, "deliver": deliver}[request.pop("do")](**request)
    Path(sys.argv[1]).write_text(json.dumps(answer, default=str), encoding="utf-8")
