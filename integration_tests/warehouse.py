"""A DuckDB file that PyAirbyte fills through the connector, in the environment that PyAirbyte has for itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from .pyairbyte_client import DATABASE

ROOT = Path(__file__).resolve().parents[1]
CLIENT = Path(__file__).with_name("pyairbyte_client.py")
DESTINATION = Path(__file__).with_name("plain_destination.py")
# Made by `make setup-pyairbyte`.
PYTHON = ROOT / ".venv-pyairbyte" / "bin" / "python"
# Nothing is asked for or told outside of this machine, and the logs stay with the rest.
ENVIRONMENT = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore", "NO_COLOR": "1"}


class PyAirbyteError(Exception):
    """PyAirbyte ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class Warehouse:
    """Lies in ``folder``, which has to exist."""

    folder: Path

    def sync(self, executable: str | Path, config: Mapping[str, Any], streams: Sequence[str]) -> dict[str, Any]:
        """Check and read; what was read before is read on from its state.

        Returns:
            ``available`` streams and the number of ``records``; or the ``error`` that the check came to.
        """
        return self._ask(do="sync", executable=str(executable), config=config, streams=list(streams))

    def deliver(
        self, executable: str | Path, config: Mapping[str, Any], streams: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The messages that a destination gets from a full read, in their order."""
        told = {"executable": str(executable), "config": config, "streams": list(streams)}
        file = self._ask(do="deliver", destination=str(DESTINATION), **told)["file"]
        return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows; what JSON has no type for comes as text, so amounts keep all digits.

        PyAirbyte is not asked for them: to start it takes longer than all that it would do.
        """
        with duckdb.connect(str(self.folder / DATABASE), read_only=True) as connection:
            found = connection.execute(sql)
            columns, rows = [column[0] for column in found.description or ()], found.fetchall()
        return [dict(zip(columns, row, strict=True)) for row in json.loads(json.dumps(rows, default=str))]

    def _ask(self, **request: Any) -> dict[str, Any]:
        answer = self.folder / "answer.json"
        done = subprocess.run(
            [PYTHON, CLIENT, answer],
            input=json.dumps({"folder": str(self.folder), **request}),
            env={**os.environ, **ENVIRONMENT, "AIRBYTE_LOGGING_ROOT": str(self.folder / "logs")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PyAirbyteError((done.stdout + done.stderr)[-3000:])
        found = json.loads(answer.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found
