"""AirbyteServerless, a client of Airbyte sources without a platform, in the environment that it has for itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
# Made by `make setup-serverless`.
COMMANDS = ROOT / ".venv-serverless" / "bin"
NAME = "acumatica"
# Its command cannot be given a state: it asks its destination, and of those only BigQuery keeps one.
GO_ON = """
import json, sys
from airbyte_serverless.connections import Connection
Connection(open(sys.argv[1]).read()).run(json.loads(sys.argv[2]))
"""
STATES = "_airbyte_states"


@dataclass(frozen=True)
class Serverless:
    """One connection; its file lies in ``folder``."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "connections" / f"{NAME}.yaml"

    def create(self, executable: Path) -> dict[str, Any]:
        """The settings of the source as the client writes them from the connector's form, to be filled in."""
        self._run(COMMANDS / "abs", "create", NAME, "--source", str(executable), "--destination", "print")
        written = yaml.safe_load(self.file.read_text(encoding="utf-8"))["source"]["config"]
        assert isinstance(written, dict)
        return written

    def fill_in(self, config: Mapping[str, Any], streams: Sequence[str]) -> None:
        connection = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        connection["source"] |= {"config": dict(config), "streams": ",".join(streams)}
        self.file.write_text(yaml.safe_dump(connection), encoding="utf-8")

    def run(self) -> str:
        """What the command prints."""
        return self._run(COMMANDS / "abs", "run", NAME)

    def go_on(self, states: Sequence[Mapping[str, Any]]) -> str:
        """The same from the states of an earlier run."""
        return self._run(COMMANDS / "python", "-c", GO_ON, self.file, json.dumps(states))

    def _run(self, *command: Any) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=os.environ, capture_output=True, text=True, check=False, encoding="utf-8"
        )
        return done.stdout + done.stderr


def printed_rows(told: str) -> dict[str, list[dict[str, Any]]]:
    """What was loaded, by the name of the table."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, row in _lines(told):
        tables.setdefault(name, []).append(row)
    return tables


def _lines(told: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The client prints the name of a table in capitals, and a line for each of its rows."""
    table = ""
    for line in told.splitlines():
        if line.startswith("_AIRBYTE_"):
            table = line.lower()
        elif line.startswith('{"_airbyte_raw_id"'):
            yield table, json.loads(json.loads(line)["_airbyte_data"])
