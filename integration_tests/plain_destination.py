#!/usr/bin/env python3
"""A destination as small as the protocol allows: it keeps each message that it gets in the file that its settings name.

A program of its own, without any package: PyAirbyte starts it in `pyairbyte_client.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def answer(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def option(name: str) -> Any:
    return json.loads(Path(sys.argv[sys.argv.index(name) + 1]).read_text(encoding="utf-8"))


def write() -> None:
    """A state is handed back once all before it is kept."""
    with Path(option("--config")["file"]).open("a", encoding="utf-8") as kept:
        for line in sys.stdin:
            kept.write(line)
            kept.flush()
            if json.loads(line).get("type") == "STATE":
                sys.stdout.write(line)
                sys.stdout.flush()


def main() -> None:
    match sys.argv[1]:
        case "spec":
            form = {"type": "object", "properties": {"file": {"type": "string"}}}
            modes = {"supported_destination_sync_modes": ["append", "overwrite", "append_dedup"]}
            answer({"type": "SPEC", "spec": {"connectionSpecification": form, **modes}})
        case "check":
            answer({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}})
        case "write":
            write()


if __name__ == "__main__":
    main()
