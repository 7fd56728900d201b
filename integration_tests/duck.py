"""A DuckDB database of what a destination holds, to ask it with the queries of the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from .harness import Destination, Row

DOCS = Path(__file__).resolve().parents[1] / "docs"
# As destinations map the types of a JSON schema; amounts keep their digits.
TYPES = {"integer": "BIGINT", "number": "DECIMAL(38, 9)", "boolean": "BOOLEAN", "string": "VARCHAR"}


def queries(page: str) -> list[str]:
    """The SQL blocks of a page of the documentation."""
    return re.findall(r"```sql\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def loaded(destination: Destination) -> duckdb.DuckDBPyConnection:
    """Each stream as a table with all its columns; lines that have been removed are among the others, as in a copy."""
    connection = duckdb.connect()
    for name, about in destination.catalog.items():
        columns = about["stream"]["json_schema"]["properties"]
        listed = ", ".join(f'"{column}" {_type(schema)}' for column, schema in columns.items())
        connection.execute(f'CREATE TABLE "{name}" ({listed})')
        _insert(connection, name, columns, destination.tables.get(name, {}).values())
    return connection


def asked(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _insert(connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Any], rows: Iterable[Row]) -> None:
    values = [[_plain(row.get(column)) for column in columns] for row in rows]
    if values:
        place = f"({', '.join('?' for _ in columns)})"
        # One statement for all rows: one for each took a second for a hundred of them.
        listed = ", ".join(place for _ in values)
        connection.execute(f'INSERT INTO "{name}" VALUES {listed}', [cell for row in values for cell in row])


def _type(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type") or ()
    kind = next((each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"), "")
    return "TIMESTAMPTZ" if schema.get("format") == "date-time" else TYPES.get(kind, "JSON")


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value) if isinstance(value, Decimal) else value
