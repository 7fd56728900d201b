"""Plays Airbyte's part in tests: runs the connector's commands, and keeps a destination."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from airbyte_cdk.models import ConnectorSpecification
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from benchmark.process import options
from source_acumatica import SourceAcumatica
from source_acumatica.airbyte.records import Entrypoint
from source_acumatica.erp import server_clock

from .simulator import Simulator

Message = dict[str, Any]
Row = dict[str, Any]
Key = tuple[Any, ...]

FULL_REFRESH, INCREMENTAL = "full_refresh", "incremental"
OVERWRITE, APPEND, APPEND_DEDUP = "overwrite", "append", "append_dedup"
DELETED_AT = "_ab_cdc_deleted_at"
OTHER_ENDPOINTS = ("MANUFACTURING", "Fabrikam", "Extract")
INQUIRY_PREFIX, TABLE_PREFIX = "gi__", "dac__"
TENANTS = ("Company", "Zweite Firma")
# What the simulated user may not see, what is not set up, and what asks for parameters.
UNREADABLE = (
    "Employee",
    "PayGroup",
    "AccountSummaryInquiry__Results",
    "InventorySummaryInquiry__Results",
    "gi__Orders by Customer",
    "gi__PR-Salaries",
)
ALL_OF_ODATA: Mapping[str, Any] = {"generic_inquiries": ["*"], "dac_tables": ["*"], "endpoints": []}


_WITH_DIGITS = json.JSONDecoder(parse_float=Decimal)


def run(command: str, config: Mapping[str, Any], **files: Any) -> Iterator[Message]:
    """The messages of a command, through the connector's entry point, in this process.

    Closing the iterator ends the run where it stands, as a crash of the platform would. ``files`` are ``catalog`` and
    ``state``. Numbers keep their digits. Time passes for the connector's machine as it does for the ERP.
    """
    with _own_clock(config), tempfile.TemporaryDirectory() as folder:
        source = SourceAcumatica()
        source.spec = _spec  # type: ignore[method-assign]
        entrypoint = Entrypoint(source)
        given = options(Path(folder), config=config, **files)
        # As the CDK's parser makes it of them, which it builds again for each run.
        named = {name.removeprefix("--"): path for name, path in zip(given[::2], given[1::2], strict=True)}
        texts = entrypoint.run(Namespace(command=command, debug=False, **{"state": None, **named}))
        try:
            for text in texts:
                for line in text.split("\n"):
                    yield _WITH_DIGITS.decode(line)
        finally:
            # The entry point hands out what is queued even while it is being closed, which Python refuses; by then the
            # read below it has ended.
            with suppress(RuntimeError):
                texts.close()  # type: ignore[attr-defined]  # it is a generator


@cache
def _spec(logger: logging.Logger) -> ConnectorSpecification:
    """Read once in a process: to parse its YAML again took a fifth of each short sync."""
    return SourceAcumatica().spec(logger)


@contextmanager
def _own_clock(config: Mapping[str, Any]) -> Iterator[None]:
    """What tests put forward is the time, and not only the clock of the ERP."""
    simulator, before = Simulator.running.get(config.get("instance_url", "")), server_clock.own_now
    if simulator:
        server_clock.own_now = simulator.clock.now
    try:
        yield
    finally:
        server_clock.own_now = before


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


def configured(
    streams: Iterable[Mapping[str, Any]], mode: str = INCREMENTAL, destination_mode: str | None = None
) -> dict[str, Any]:
    """A configured catalog in ``mode``, or in full refresh where a stream knows nothing else.

    What is read in full overwrites, what is read by its changes is appended and deduplicated, unless
    ``destination_mode`` says otherwise.
    """
    return {"streams": [_configured(stream, mode, destination_mode) for stream in streams]}


def _configured(stream: Mapping[str, Any], mode: str, destination_mode: str | None) -> dict[str, Any]:
    read = mode if mode in stream["supported_sync_modes"] else FULL_REFRESH
    written = destination_mode or (OVERWRITE if read == FULL_REFRESH else APPEND_DEDUP)
    return {"stream": dict(stream), "sync_mode": read, "destination_sync_mode": written}


def catalog_of(config: dict[str, Any], *names: str, mode: str = INCREMENTAL) -> dict[str, Any]:
    """The named streams, or all that can be read."""
    found = discover(_without_needless_inquiries(config, names))
    return configured([found[name] for name in names or found.keys() - set(UNREADABLE)], mode)


def _without_needless_inquiries(config: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The settings without inquiries where none is wanted: to look at each of them took half of each discovery."""
    is_wanted = not names or any(name.startswith("gi__") for name in names)
    is_named_elsewhere = config.keys() & {"row_filters", "inquiry_parameters"}
    return config if is_wanted or is_named_elsewhere else {**config, "generic_inquiries": []}


class Arrived(Row):
    """A row as it came; ``nulled`` are the columns, or places in them, that it says it has no value of.

    ``file`` is the place in the destination, the size and the hash of the file that came with it.
    """

    nulled: frozenset[str] = frozenset()
    file: tuple[str, int, str] | None = None


@dataclass
class Destination:
    """What a destination holds, and the state that the platform keeps for the next sync.

    Where it deduplicates, it keeps of the rows with one key the one with the greatest cursor, and of those the last; a
    row that says when it was deleted is a tombstone, and where it is kept there is no row. Where it does not, it keeps
    every record. A table that is overwritten stays as it was until its stream is complete.
    """

    tables: dict[str, dict[Key, Row]] = field(default_factory=dict)
    """By stream and key (or by number where all rows are kept); tombstones among them, for as long as a sync lasts."""
    states: dict[str, Message] = field(default_factory=dict)
    catalog: dict[str, Any] = field(default_factory=dict)
    endpoints: Sequence[str] = ()
    """Those that the settings of the last sync name."""
    errors: list[Message] = field(default_factory=list)
    logs: list[logging.LogRecord] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    """By stream, as the last sync told them last."""
    records: int = 0
    exact_repeats: Counter[str] = field(default_factory=Counter)
    """By stream, the records of the last sync that had come in it already."""
    key_repeats: Counter[str] = field(default_factory=Counter)
    """By stream, the records of the last sync of whose key another one had come in it."""
    _arriving: dict[str, dict[Key, Row]] = field(default_factory=dict)
    _seen: dict[str, dict[Key, set[str]]] = field(default_factory=dict)

    @property
    def state(self) -> list[Message]:
        """As the platform hands it to the next read."""
        return [{"type": "STREAM", "stream": state["stream"]} for state in self.states.values()]

    def sync(
        self, config: Mapping[str, Any], catalog: dict[str, Any], stop_after: int | None = None, *, fails: bool = False
    ) -> int:
        """Read once from the kept state and return the number of messages; ``stop_after`` of them, stop dead."""
        self.begin(catalog)
        self.endpoints = config.get("endpoints") or ()
        count = 0
        files = {"catalog": catalog} | ({"state": self.state} if self.states else {})
        with closing(run("read", config, **files)) as messages, _collected(self.logs):
            try:
                for count, message in enumerate(messages, start=1):
                    self.take(message)
                    if count == stop_after:
                        break
            except AirbyteTracedException as error:
                if not fails:
                    raise
                # What ends a run before a stream begins is told by the launcher, as an error like any other.
                self.errors = self.errors or [{"message": error.message, "failure_type": error.failure_type.value}]
            finally:
                self.end()
        assert fails or not self.errors, self.errors
        return count

    def begin(self, catalog: Mapping[str, Any]) -> None:
        """A sync begins: what overwrites comes into empty tables, beside the old ones."""
        self.catalog = {one["stream"]["name"]: one for one in catalog["streams"]}
        self._arriving = {name: {} for name, one in self.catalog.items() if _overwrites(one)}
        self.errors, self.logs, self.records, self.statuses = [], [], 0, {}
        self.exact_repeats, self.key_repeats, self._seen = Counter(), Counter(), {}

    def end(self) -> None:
        """A sync ends, well or not: tables that have come whole take the place of the old ones.

        Where a destination deduplicates, it deletes rows for good, and does not remember what was deleted when.
        """
        self.tables |= {name: table for name, table in self._arriving.items() if self.statuses.get(name) == "COMPLETE"}
        self._arriving = {}
        for name in [name for name, one in self.catalog.items() if deduplicates(one) and name in self.tables]:
            self.tables[name] = {key: row for key, row in self.tables[name].items() if not _is_tombstone(row)}

    def take(self, message: Message) -> None:
        """Work off one message."""
        match message:
            case {"type": "RECORD", "record": record}:
                self._keep(record["stream"], _arrived(record))
            case {"type": "STATE", "state": state}:
                self.states[state["stream"]["stream_descriptor"]["name"]] = state
            case {"type": "TRACE", "trace": {"type": "ERROR", "error": error}}:
                self.errors.append(error)
            case {"type": "TRACE", "trace": {"stream_status": status}}:
                self.statuses[status["stream_descriptor"]["name"]] = status["status"]

    def _keep(self, stream: str, row: Row) -> None:
        self.records += 1
        self._count_repeats(stream, row)
        about = self.catalog[stream]
        table = self._arriving[stream] if _overwrites(about) else self.tables.setdefault(stream, {})
        if deduplicates(about):
            self._upsert(stream, table, row)
        else:
            table[(len(table),)] = row

    def _upsert(self, stream: str, table: dict[Key, Row], row: Row) -> None:
        keys = keys_of(self.catalog[stream])
        assert keys or not _is_tombstone(row), f"{stream} has no key by which a destination finds the row to delete"
        key = tuple(row.get(name) for name in keys) if keys else (len(table),)
        assert None not in key, f"{stream} has a null in its key {key}"
        if key not in table or self._rank(stream, row) >= self._rank(stream, table[key]):
            table[key] = row

    def _count_repeats(self, stream: str, row: Row) -> None:
        """Of rows without a key, equal ones may be different rows: only the comparison can tell."""
        key = tuple(row.get(name) for name in keys_of(self.catalog[stream]))
        if not key:
            return
        same, text = self._seen.setdefault(stream, {}).setdefault(key, set()), json.dumps(row, default=str)
        self.exact_repeats[stream] += text in same
        self.key_repeats[stream] += bool(same) and text not in same
        same.add(text)

    def _rank(self, stream: str, row: Row) -> tuple[bool, str]:
        """Greater for the row that wins; without a cursor all are equal."""
        path = _cursor_of(self.catalog[stream])
        return _ordered(row.get(path[0])) if path else _ordered(None)

    def rows(self, stream: str) -> list[Row]:
        """The rows as they are now: of detail streams only the lines that their parents still have.

        A line is sent again with each change of its record, so a line older than its record was removed, and so was
        one whose record is gone. This is the rule that the user's documentation gives in SQL; it needs the parent's
        stream, and without it all lines are told.
        """
        is_deduped = deduplicates(self.catalog.get(stream, {}))
        rows = [row for row in self.tables.get(stream, {}).values() if not (is_deduped and _is_tombstone(row))]
        parent = self.catalog.get(_parent_of(stream) or "")
        keys = keys_of(parent) if parent else []
        if not parent or not keys or not any("_parent_modified" in row for row in rows):
            return rows
        cursor = parent["stream"]["default_cursor_field"][0]
        records = self.rows(parent["stream"]["name"])
        newest = {tuple(record[name] for name in keys): _ordered(record[cursor]) for record in records}
        return [row for row in rows if _is_current(row, newest.get(_key_of_parent(row, keys)))]

    @property
    def warnings(self) -> list[str]:
        """What the last sync's log warned of."""
        return [log.getMessage() for log in self.logs if log.levelno == logging.WARNING]


def keys_of(configured_stream: Mapping[str, Any]) -> list[str]:
    """The names of the columns by which a destination knows a row; none if it can only append."""
    return [path[0] for path in configured_stream["stream"].get("source_defined_primary_key") or ()]


def deduplicates(configured_stream: Mapping[str, Any]) -> bool:
    return str(configured_stream.get("destination_sync_mode", APPEND_DEDUP)).endswith("dedup")


def _overwrites(configured_stream: Mapping[str, Any]) -> bool:
    return str(configured_stream["destination_sync_mode"]).startswith(OVERWRITE)


def _arrived(record: Mapping[str, Any]) -> Arrived:
    row = Arrived(record["data"])
    changes = (record.get("meta") or {}).get("changes") or ()
    row.nulled = frozenset(each["field"] for each in changes if each["change"] == "NULLED")
    row.file = _taken(reference) if (reference := record.get("file_reference")) else None
    return row


def _taken(reference: Mapping[str, Any]) -> tuple[str, int, str]:
    """A file is taken out of the staging folder, as soon as its record has come."""
    path, found = Path(reference["staging_file_url"]), hashlib.sha256()
    with path.open("rb") as staged:
        while piece := staged.read(1 << 20):
            found.update(piece)
    assert path.stat().st_size == reference["file_size_bytes"]
    path.unlink()
    with suppress(FileNotFoundError):  # the connector may have been quicker
        path.parent.rmdir()
    return reference["source_file_relative_path"], reference["file_size_bytes"], found.hexdigest()


def _cursor_of(configured_stream: Mapping[str, Any]) -> Sequence[str]:
    return configured_stream.get("cursor_field") or configured_stream["stream"].get("default_cursor_field") or ()


def _ordered(cursor: Any) -> tuple[bool, str]:
    """Cursors are text of a fixed width in UTC, so they are ordered as text; null comes first."""
    return (False, "") if cursor is None else (True, str(cursor))


def _is_tombstone(row: Row) -> bool:
    return row.get(DELETED_AT) is not None


def _is_current(line: Row, newest: tuple[bool, str] | None) -> bool:
    return newest is not None and _ordered(line["_parent_modified"]) >= newest


def _key_of_parent(line: Row, keys: Sequence[str]) -> Key:
    return tuple(line["_tenant" if name == "_tenant" else f"_parent_{name}"] for name in keys)


def place_of(stream: str) -> tuple[str, str, list[str]]:
    """Of a stream's name the endpoint, the entity, and the way to the collection below it."""
    names = stream.split("__")
    endpoint = names.pop(0) if names[0] in OTHER_ENDPOINTS else "Default"
    return endpoint, names[0], names[1:]


def _parent_of(stream: str) -> str | None:
    """The stream of the records whose lines a stream has; None if it has none of any.

    What comes through OData has no lines: by its name it would have those of ``gi``, and there is no such stream.
    """
    way = place_of(stream)[2]
    return stream.removesuffix("".join(f"__{part}" for part in way)) if way else None


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
