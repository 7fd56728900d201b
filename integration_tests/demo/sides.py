"""The two sides of the demo: the simulated ERP, changed from outside, and the connector, started as by Airbyte."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson

from integration_tests.harness import Message, Row


class Erp:
    """The simulated ERP, asked and changed from outside, as people at their forms would."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, verb: str, **content: Any) -> Any:
        body = orjson.dumps(content, default=lambda number: orjson.Fragment(str(number)))
        with urlopen(Request(f"{self._url}/_simulator/{verb}", body)) as answer:
            return json.loads(answer.read())

    def now(self) -> datetime:
        return datetime.fromisoformat(self.ask("advance", seconds=0)["now"])

    def add(self, tenant: str, entity: str, values: Mapping[str, Any], stamp: datetime | None = None) -> None:
        self.ask("insert", tenant=tenant, entity=entity, values=values, stamp=stamp)

    def change(self, tenant: str, entity: str, key: Sequence[str], **values: Any) -> None:
        self.ask("update", tenant=tenant, entity=entity, key=key, values=values)

    def change_silently(self, tenant: str, entity: str, key: Sequence[str], **values: Any) -> None:
        """Change what is linked to a record: the record keeps its stamp."""
        self.ask("update_silently", tenant=tenant, entity=entity, key=key, values=values)

    def post(self, tenant: str, key: Sequence[str]) -> None:
        self.ask("post", tenant=tenant, key=key)

    def delete(self, tenant: str, entity: str, key: Sequence[str]) -> None:
        self.ask("delete", tenant=tenant, entity=entity, key=key)

    def add_file(self, tenant: str, entity: str, key: Sequence[str], filename: str, size: int) -> None:
        self.ask("attach", tenant=tenant, entity=entity, key=key, filename=filename, size=size)

    def find(self, tenant: str, entity: str, **wanted: Any) -> Iterator[Row]:
        """The records with these values."""
        for row in self.ask("rows", tenant=tenant, entity=entity):
            if all(row[name] == value for name, value in wanted.items()):
                yield row


@dataclass
class Outcome:
    """What one command of the connector came to."""

    exit_code: int = 0
    seconds: float = 0.0
    requests: int = 0
    seats_left: int = 0
    messages: list[Message] = field(default_factory=list)
    records: list[Message] = field(default_factory=list)

    def only(self, kind: str) -> Message:
        for one in self.messages:
            if one["type"] == kind:
                return one
        raise SystemExit(f"The connector did not answer with a {kind}: {self.messages[-1:]}")

    @property
    def warnings(self) -> list[str]:
        logs = [one["log"] for one in self.messages if one["type"] == "LOG"]
        return [log["message"] for log in logs if log["level"] == "WARN"]


@dataclass
class Connector:
    """Starts the connector as Airbyte does: one process for a command, files in, a JSON message a line out."""

    folder: Path
    erp: Erp

    def run(self, command: str, **files: Any) -> Outcome:
        arguments = [command]
        for name, content in files.items():
            path = self.folder / f"{name}.json"
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        shown = " ".join(Path(each).name if each.endswith(".json") else each for each in arguments)
        print(f"\n$ source-acumatica {shown}")
        before, began = self.erp.ask("stats"), time.monotonic()
        outcome = _started([sys.executable, "-m", "source_acumatica.run", *arguments])
        after = self.erp.ask("stats")
        outcome.seconds = time.monotonic() - began
        outcome.requests = after["requests"] - before["requests"]
        outcome.seats_left = after["open_sessions"]
        print(
            f"  {outcome.seconds:.1f} s, {outcome.requests:,} requests to the ERP, exit code {outcome.exit_code}, "
            f"seats taken afterwards: {outcome.seats_left}"
        )
        return outcome


def _started(command: Sequence[str]) -> Outcome:
    outcome = Outcome()
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line, parse_float=Decimal)
            (outcome.records if message["type"] == "RECORD" else outcome.messages).append(message)
    outcome.exit_code = process.returncode
    return outcome
