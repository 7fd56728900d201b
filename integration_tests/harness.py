"""Plays Airbyte's part in tests: runs the connector's commands, keeps a destination, and compares it with the ERP."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
from .simulator.catalog.endpoints import contract_of
from .simulator.tenants import Tenant

Message = dict[str, Any]
Row = dict[str, Any]
Key = tuple[Any, ...]

FULL_REFRESH, INCREMENTAL = "full_refresh", "incremental"
OVERWRITE, APPEND, APPEND_DEDUP = "overwrite", "append", "append_dedup"
CUSTOM = ("Usr", "Attribute")
DELETED_AT = "_ab_cdc_deleted_at"
OTHER_ENDPOINTS = ("MANUFACTURING", "Fabrikam", "Extract")
CONTRACT_5 = 5
ONLY_IN_CONTRACT_5 = ("Extract",)
INQUIRY_PREFIX, TABLE_PREFIX = "gi__", "dac__"
FILES = "files"


def run(command: str, config: Mapping[str, Any], **files: Any) -> Iterator[Message]:
    """The messages of a command, through the connector's entry point, in this process.

    Closing the iterator ends the run where it stands, as a crash of the platform would. ``files`` are ``catalog`` and
    ``state``. Numbers keep their digits. Time passes for the connector's machine as it does for the ERP.
    """
    with _own_clock(config), tempfile.TemporaryDirectory() as folder:
        source = SourceAcumatica()
        source.spec = _spec  # type: ignore[method-assign]
        entrypoint = Entrypoint(source)
        arguments = [command, *options(Path(folder), config=config, **files)]
        texts = entrypoint.run(entrypoint.parse_args(arguments))
        try:
            for text in texts:
                for line in text.split("\n"):
                    yield json.loads(line, parse_float=Decimal)
        finally:
            # The entry point hands out what is queued even while it is being closed, which Python refuses; by then the
            # read below it has ended.
            with suppress(RuntimeError):
                texts.close()  # type: ignore[attr-defined]  # it is a generator


@cache
def _spec(logger: logging.Logger) -> ConnectorSpecification:
    """Read once in a process: to parse its YAML anew took a fifth of each short sync."""
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
        for name in [name for name, one in self.catalog.items() if _deduplicates(one) and name in self.tables]:
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
        if _deduplicates(about):
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
        is_deduped = _deduplicates(self.catalog.get(stream, {}))
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


def _deduplicates(configured_stream: Mapping[str, Any]) -> bool:
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


def _place_of(stream: str) -> tuple[str, str, list[str]]:
    """Of a stream's name the endpoint, the entity, and the way to the collection below it."""
    names = stream.split("__")
    endpoint = names.pop(0) if names[0] in OTHER_ENDPOINTS else "Default"
    return endpoint, names[0], names[1:]


def _parent_of(stream: str) -> str | None:
    """The stream of the records whose lines a stream has; None if it has none of any.

    What comes through OData has no lines: by its name it would have those of ``gi``, and there is no such stream.
    """
    way = _place_of(stream)[2]
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


# ---------------------------------------------------------------------------------------------- comparing with the ERP


def differences(destination: Destination, sim: Simulator, tenants: Sequence[str]) -> list[str]:
    """Where the destination is not what the ERP holds, row by row and field by field."""
    found: list[str] = []
    for stream, about in destination.catalog.items():
        keys = keys_of(about)
        columns = {*about["stream"]["json_schema"]["properties"], *keys}
        for tenant in tenants:
            expected = list(expected_rows(sim, stream, tenant, columns, destination.endpoints))
            arrived = [row for row in destination.rows(stream) if row["_tenant"] == tenant]
            texts = compared(keys, expected, arrived, is_deduped=_deduplicates(about))
            found += [f"{tenant}, {stream}: {text}" for text in texts]
    return found


def expected_rows(
    sim: Simulator, stream: str, tenant: str, columns: Collection[str], endpoints: Sequence[str] = ()
) -> Iterator[Row]:
    """The rows that the stream should have, in the connector's form, as far as they have a column.

    ``endpoints`` are those that the settings name: what a record shows depends on their contract versions.
    """
    for row in _true_rows(sim, stream, tenant, endpoints):
        full = {"_tenant": tenant, **row}
        yield {name: _in_our_form(name, value) for name, value in full.items() if name in columns}


def _true_rows(sim: Simulator, stream: str, tenant: str, endpoints: Sequence[str]) -> Iterator[Row]:
    """Rows that the ERP hides from the user are none of its rows, and ids that last for one answer no values."""
    for row in _all_rows(sim, stream, tenant, endpoints):
        if not any(lies.hides(row.values()) for lies in sim.lies):
            is_unstable = any(lies.unstable_ids for lies in sim.lies)
            yield {name: each for name, each in row.items() if not (is_unstable and name in ("id", "_parent_id"))}


def _all_rows(sim: Simulator, stream: str, tenant: str, endpoints: Sequence[str]) -> Iterator[Row]:
    data = sim.tenant(tenant)
    if stream.startswith(INQUIRY_PREFIX):
        yield from map(_trimmed, data.gi_rows(stream.removeprefix(INQUIRY_PREFIX)))
    elif stream.startswith(TABLE_PREFIX):
        yield from map(_trimmed, data.dac_rows(stream.removeprefix(TABLE_PREFIX)))
    else:
        endpoint, entity, way = _place_of(stream)
        contract = _contract_of(endpoint, endpoints)
        if way[-1:] == [FILES]:
            yield from _rows_of_files(data, entity, way[:-1], endpoint, contract)
            return
        for record in map(_with_labels, data.rows(entity, endpoint, contract=contract)):
            parents = {f"_parent_{name}": value for name, value in record.items()} if way else {}
            yield from (parents | row for row in _below(record, way, {}))


def _rows_of_files(data: Tenant, entity: str, way: Sequence[str], endpoint: str, contract: int | None) -> Iterator[Row]:
    """What the ERP says of each file; ``way`` leads to the lines that have them, if lines do."""
    for record, place, file in data.files(entity, "".join(way), endpoint, contract):
        row = _with_labels(record)
        between = {f"_{name}_line": place for name in way}
        between |= {f"_{name}_{key}": value for name in way for key, value in row[name][place - 1].items()}
        parents = {f"_parent_{name}": value for name, value in row.items()}
        yield parents | between | {"id": file.id, "filename": file.filename, "comment": file.comment}


def _contract_of(endpoint: str, endpoints: Sequence[str]) -> int | None:
    """5 where the connector reads that; None for the earlier ones, which show the same."""
    version = next((one.partition("/")[2] for one in endpoints if one.partition("/")[0] == endpoint), "")
    return CONTRACT_5 if endpoint in ONLY_IN_CONTRACT_5 or (version and contract_of(version) == CONTRACT_5) else None


def _with_labels(record: Row) -> Row:
    """A choice in two columns, for its id and for its label; so at every depth, but custom ones are ids alone."""
    flat: Row = {}
    for name, value in record.items():
        match value:
            case {"id": id_, "description": label, **more} if not more:
                flat |= {name: id_, f"{name}_description": label}
            case [{"id": _, "description": _, **more}, *_] if not more:
                flat |= {name: [each["id"] for each in value]}
                flat |= {f"{name}_description": [each["description"] for each in value]}
            case dict() if name == "custom":
                flat[name] = {view: _ids(fields) for view, fields in value.items()}
            case dict():
                flat[name] = _with_labels(value)
            case [dict(), *_]:
                flat[name] = [_with_labels(each) for each in value]
            case _:
                flat[name] = value
    return flat


def _ids(fields: Row) -> Row:
    flat = _with_labels(fields)
    return {name: flat[name] for name in fields}


def _trimmed(row: Row) -> Row:
    """OData fills columns of a fixed width up with spaces; the connector takes them away."""
    return {name: value.rstrip(" ") if isinstance(value, str) else value for name, value in row.items()}


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
        case date() if not isinstance(value, datetime):
            return value.isoformat()
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


def compared(
    keys: Sequence[str], expected: Sequence[Row], arrived: Sequence[Row], *, is_deduped: bool = True
) -> Iterator[str]:
    """What differs between two sets of rows; without a key, the order of the rows does not matter but their number.

    A key that does not identify the rows loses some only where somebody deduplicates by it.
    """
    if not keys:
        yield from _compared_as_bags(expected, arrived)
        return
    by_key = _by(keys, expected)
    if is_deduped and len(by_key) < len(expected):
        yield f"{len(expected)} rows share {len(by_key)} keys: {', '.join(keys)} do not tell them apart"
    yield from _compared_by_key(by_key, _by(keys, arrived))


def _by(keys: Sequence[str], rows: Sequence[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return found


def _compared_by_key(expected: Mapping[Key, list[Row]], arrived: Mapping[Key, list[Row]]) -> Iterator[str]:
    for key in expected.keys() - arrived.keys():
        yield f"row {key} is missing"
    for key in arrived.keys() - expected.keys():
        yield f"row {key} does not exist in the ERP"
    for key in expected.keys() & arrived.keys():
        true, came = expected[key], arrived[key]
        if len(true) != len(came):
            yield f"row {key} is there {len(came)} times instead of {len(true)}"
        elif len(true) == 1:
            yield from (f"row {key}, {text}" for text in _compared_values(true[0], came[0]))
        else:
            yield from _compared_as_bags(true, came)


def _compared_values(expected: Row, arrived: Row) -> Iterator[str]:
    """A value that the row itself says was left out is none that differs."""
    nulled = arrived.nulled if isinstance(arrived, Arrived) else frozenset()
    for name, value in expected.items():
        came = arrived.get(name)
        if not _same(_without(nulled, name, value), came) and not (name in nulled and not came):
            yield f"{name}: {came!r} instead of {value!r}"


def _without(nulled: Collection[str], name: str, value: Any) -> Any:
    if not nulled or not isinstance(value, dict):
        return value
    kept = {key: each for key, each in value.items() if f"{name}.{key}" not in nulled}
    inner = {key: _without(nulled, f"{name}.{key}", each) for key, each in kept.items()}
    return {key: each for key, each in inner.items() if each != {} or kept[key] == {}}


def _compared_as_bags(expected: Sequence[Row], arrived: Sequence[Row]) -> Iterator[str]:
    """Each arrived row stands for one of the ERP's rows."""
    left = list(arrived)
    for row in expected:
        place = next((place for place, other in enumerate(left) if _same(row, other)), None)
        if place is None:
            yield f"row {row} is missing"
        else:
            left.pop(place)
    yield from (f"row {row} does not exist in the ERP" for row in left)


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
