"""Compares what has arrived in a destination with what the ERP holds, row by row and field by field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from .harness import INQUIRY_PREFIX, TABLE_PREFIX, Arrived, Destination, Key, Row, deduplicates, keys_of, place_of
from .simulator import Simulator
from .simulator.catalog.endpoints import contract_of
from .simulator.tenants import Tenant

CUSTOM = ("Usr", "Attribute")
CONTRACT_5 = 5
ONLY_IN_CONTRACT_5 = ("Extract",)
FILES = "files"


def differences(destination: Destination, sim: Simulator, tenants: Sequence[str]) -> list[str]:
    """Where the destination is not what the ERP holds, row by row and field by field."""
    found: list[str] = []
    for stream, about in destination.catalog.items():
        keys = keys_of(about)
        columns = {*about["stream"]["json_schema"]["properties"], *keys}
        for tenant in tenants:
            expected = list(expected_rows(sim, stream, tenant, columns, destination.endpoints))
            arrived = [row for row in destination.rows(stream) if row["_tenant"] == tenant]
            texts = compared(keys, expected, arrived, is_deduped=deduplicates(about))
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
        endpoint, entity, way = place_of(stream)
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
