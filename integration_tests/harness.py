"""Plays Airbyte's part in tests: runs the connector's commands, keeps a destination, and compares it with the ERP."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint

from source_acumatica import SourceAcumatica

from .simulator import Simulator

Message = dict[str, Any]
Row = dict[str, Any]
Key = tuple[Any, ...]

FULL_REFRESH, INCREMENTAL = "full_refresh", "incremental"
CUSTOM = ("Usr", "Attribute")


def run(command: str, config: Mapping[str, Any], **files: Any) -> Iterator[Message]:
    """The messages of a command, through the CDK's entry point, in this process.

    Closing the iterator ends the run where it stands, as a crash of the platform would. ``files`` are ``catalog`` and
    ``state``. Numbers keep their digits.
    """
    with tempfile.TemporaryDirectory() as folder:
        arguments = [command]
        for name, content in {"config": config, **files}.items():
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(content))
            arguments += [f"--{name}", str(path)]
        entrypoint = AirbyteEntrypoint(SourceAcumatica())
        with closing(entrypoint.run(entrypoint.parse_args(arguments))) as lines:
            for line in lines:
                yield json.loads(line, parse_float=Decimal)


def discover(config: Mapping[str, Any]) -> dict[str, Any]:
    """The streams that the connector finds, by name."""
    catalogs = [one["catalog"] for one in run("discover", config) if one["type"] == "CATALOG"]
    assert len(catalogs) == 1
    return {stream["name"]: stream for stream in catalogs[0]["streams"]}


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """The connection status."""
    statuses = [one["connectionStatus"] for one in run("check", config) if one["type"] == "CONNECTION_STATUS"]
    assert len(statuses) == 1
    return statuses[0]


def configured(streams: Iterable[Mapping[str, Any]], mode: str = INCREMENTAL) -> dict[str, Any]:
    """A configured catalog in ``mode``, or in full refresh where a stream knows nothing else."""
    return {
        "streams": [
            {
                "stream": dict(stream),
                "sync_mode": mode if mode in stream["supported_sync_modes"] else FULL_REFRESH,
                "destination_sync_mode": "append_dedup",
            }
            for stream in streams
        ]
    }


@dataclass
class Destination:
    """What an Append + Dedup destination holds, and the state that the platform keeps for the next sync."""

    tables: dict[str, dict[Key, Row]] = field(default_factory=dict)
    states: dict[str, Message] = field(default_factory=dict)
    catalog: dict[str, Any] = field(default_factory=dict)
    errors: list[Message] = field(default_factory=list)
    logs: list[logging.LogRecord] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    records: int = 0

    @property
    def state(self) -> list[Message]:
        """As the platform hands it to the next read."""
        return [{"type": "STREAM", "stream": state["stream"]} for state in self.states.values()]

    def sync(
        self, config: Mapping[str, Any], catalog: dict[str, Any], stop_after: int | None = None, *, fails: bool = False
    ) -> int:
        """Read once from the kept state and return the number of messages; ``stop_after`` of them, stop dead."""
        self.catalog = {one["stream"]["name"]: one for one in catalog["streams"]}
        for name, one in self.catalog.items():
            if one["sync_mode"] == FULL_REFRESH:
                self.tables[name] = {}
        self.errors, self.logs, self.records, count = [], [], 0, 0
        files = {"catalog": catalog} | ({"state": self.state} if self.states else {})
        with closing(run("read", config, **files)) as messages, _collected(self.logs):
            try:
                for count, message in enumerate(messages, start=1):
                    self.take(message)
                    if count == stop_after:
                        break
            except Exception:
                if not fails:
                    raise
        assert fails or not self.errors, self.errors
        return count

    def take(self, message: Message) -> None:
        """Work off one message."""
        match message:
            case {"type": "RECORD", "record": record}:
                self._upsert(record["stream"], record["data"])
            case {"type": "STATE", "state": state}:
                self.states[state["stream"]["stream_descriptor"]["name"]] = state
            case {"type": "TRACE", "trace": {"type": "ERROR", "error": error}}:
                self.errors.append(error)
            case {"type": "TRACE", "trace": {"stream_status": status}}:
                self.statuses[status["stream_descriptor"]["name"]] = status["status"]

    def _upsert(self, stream: str, row: Row) -> None:
        self.records += 1
        table = self.tables.setdefault(stream, {})
        keys = self.catalog[stream]["stream"].get("source_defined_primary_key")
        key = tuple(row[path[0]] for path in keys) if keys else (len(table),)
        assert None not in key, f"{stream} has a null in its key {key}"
        table[key] = row

    def rows(self, stream: str) -> list[Row]:
        """The rows as they are now: of detail streams only the lines that their parents still have.

        A line is sent again with each change of its record, so a line older than its record was removed. This is the
        rule that the user's documentation gives in SQL; it needs the parent's stream.
        """
        rows = list(self.tables.get(stream, {}).values())
        if not rows or rows[0].get("_parent_modified") is None:
            return rows
        parent = next(name for name in self.catalog if stream.startswith(f"{name}__"))
        cursor = self.catalog[parent]["stream"]["default_cursor_field"][0]
        newest = {(row["_tenant"], row["id"]): row[cursor] for row in self.tables[parent].values()}
        return [row for row in rows if row["_parent_modified"] >= newest[row["_tenant"], row["_parent_id"]]]

    @property
    def warnings(self) -> list[str]:
        """What the last sync's log warned of."""
        return [log.getMessage() for log in self.logs if log.levelno == logging.WARNING]


@contextmanager
def _collected(logs: list[logging.LogRecord]) -> Iterator[None]:
    """The log goes past the entry point, straight to standard output."""
    handler = logging.Handler()
    handler.emit = logs.append  # type: ignore[method-assign]
    logger = logging.getLogger("airbyte")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# ---------------------------------------------------------------------------------------------- comparing with the ERP


def differences(destination: Destination, sim: Simulator, tenants: Sequence[str]) -> list[str]:
    """Where the destination is not what the ERP holds, row by row and field by field."""
    found: list[str] = []
    for stream, about in destination.catalog.items():
        keys = [path[0] for path in about["stream"].get("source_defined_primary_key", ())]
        for tenant in tenants:
            expected = list(expected_rows(sim, stream, tenant, about["stream"]["json_schema"]["properties"]))
            arrived = [row for row in destination.rows(stream) if row["_tenant"] == tenant]
            found += [f"{tenant}, {stream}: {text}" for text in _compare(_by(keys, expected), _by(keys, arrived))]
    return found


def expected_rows(sim: Simulator, stream: str, tenant: str, columns: Collection[str]) -> Iterator[Row]:
    """The rows that the stream should have, in the connector's form, as far as they have a column."""
    names = stream.split("__")
    endpoint = names.pop(0) if names[0] in ("MANUFACTURING", "Fabrikam") else "Default"
    for record in sim.tenant(tenant).rows(names[0], endpoint):
        parents = {f"_parent_{name}": value for name, value in record.items()} if names[1:] else {}
        for row in _below(record, names[1:], {}):
            full = {"_tenant": tenant, **parents, **row}
            yield {name: _in_our_form(name, value) for name, value in full.items() if name in columns}


def _below(record: Row, path: Sequence[str], between: Row) -> Iterator[Row]:
    """The rows of the collection at ``path``, with the columns that tell where each stands."""
    if not path:
        yield between | record
        return
    lines = record[path[0]]
    for number, line in enumerate(lines, start=1):
        if len(path) == 1:
            yield between | line | {"_line": number, "_line_count": len(lines)}
        else:
            told = {f"_{path[0]}_line": number, **{f"_{path[0]}_{name}": value for name, value in line.items()}}
            yield from _below(line, path[1:], between | told)


def _in_our_form(name: str, value: Any) -> Any:
    match value:
        case datetime() if name.removeprefix("_parent_").startswith("LastModif"):
            return value.astimezone(UTC)
        case datetime() if name.endswith("Date") and value.time() == datetime.min.time():
            return value.replace(tzinfo=UTC)
        case dict() if name == "custom":
            return _customs(value)
        case dict():
            return {inner: _in_our_form(inner, each) for inner, each in value.items() if not isinstance(each, list)}
        case _:
            return value


def _customs(views: Mapping[str, Row]) -> dict[str, Row]:
    """Standard fields that the endpoint does not expose stand among the custom ones, and are none."""
    kept = {view: {name: each for name, each in row.items() if name.startswith(CUSTOM)} for view, row in views.items()}
    return {view: row for view, row in kept.items() if row}


def _by(keys: Sequence[str], rows: Sequence[Row]) -> dict[Key, Row]:
    """By key; where there is none, by place."""
    return {tuple(row[key] for key in keys) if keys else (place,): row for place, row in enumerate(rows)}


def _compare(expected: Mapping[Key, Row], arrived: Mapping[Key, Row]) -> Iterator[str]:
    for key in expected.keys() - arrived.keys():
        yield f"row {key} is missing"
    for key in arrived.keys() - expected.keys():
        yield f"row {key} does not exist in the ERP"
    for key in expected.keys() & arrived.keys():
        for name, value in expected[key].items():
            if not _same(value, arrived[key].get(name)):
                yield f"row {key}, {name}: {arrived[key].get(name)!r} instead of {value!r}"


def _same(expected: Any, arrived: Any) -> bool:
    match expected:
        case datetime():
            return arrived is not None and datetime.fromisoformat(arrived) == expected
        case Decimal():
            return arrived is not None and str(arrived) == str(expected)
        case dict():
            return isinstance(arrived, dict) and all(_same(each, arrived.get(name)) for name, each in expected.items())
        case _:
            return bool(expected == arrived)
