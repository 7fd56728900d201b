"""The command ``python -m source_acumatica.erd``: a diagram of the streams and of the joins between them."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.stream import TableStream
from source_acumatica.commands import until_the_end
from source_acumatica.config import stands_for
from source_acumatica.dbml import diagram
from source_acumatica.erp.errors import config_error
from source_acumatica.known_joins import known_joins
from source_acumatica.reading.table import StreamTable
from source_acumatica.source import SourceAcumatica

_ABOUT = (
    "Write a diagram (DBML) of the streams that the settings lead to: their columns, primary keys, and the joins "
    "between them. Nothing is read but descriptions, and a few rows that show by which columns tables are linked."
)
_FAILED = 1


def main() -> None:
    """Write the diagram to standard output, and warnings and errors to standard error."""
    arguments = _parser().parse_args()
    source = SourceAcumatica()
    until_the_end(source, lambda: _write(source, arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m source_acumatica.erd", description=_ABOUT)
    parser.add_argument("--config", required=True, metavar="FILE", help="the settings, as for the connector's commands")
    parser.add_argument(
        "streams", nargs="*", metavar="STREAM", help="names of streams, * for any characters; all of them without"
    )
    return parser


def _write(source: SourceAcumatica, arguments: argparse.Namespace) -> None:
    _log_to_standard_error()
    try:
        config = _read(arguments.config)
        found = [stream for stream in source.streams(config) if isinstance(stream, TableStream)]
        tables = _chosen({stream.name: stream.table for stream in found}, arguments.streams)
        linked, notes = source.link_joins(config, tables.values())
        sys.stdout.write(diagram(_TITLE, tables, [*linked, *known_joins(tables)], notes))
    except AirbyteTracedException as error:
        sys.stderr.write(f"{filter_secrets(error.message or str(error))}\n")
        sys.exit(_FAILED)


_TITLE = "Streams of source-acumatica and the joins between them. The tenant is part of each key and of each join."


def _read(path: str) -> Mapping[str, Any]:
    """The settings.

    Raises:
        AirbyteTracedException: a ``config_error`` that says what is wrong with the file.
    """
    try:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise config_error(message) from None
    except ValueError as error:
        message = f"{path} is not JSON: {error}."
        raise config_error(message) from None
    if not isinstance(config, dict):
        message = f"{path} holds no settings: write them as one JSON object."
        raise config_error(message)
    return config


def _chosen(tables: Mapping[str, StreamTable], names: Sequence[str]) -> dict[str, StreamTable]:
    """The tables that the names stand for, or all.

    Raises:
        AirbyteTracedException: a ``config_error`` that names the names that stand for none.
    """
    for name in names:
        if not any(stands_for(name, table) for table in tables):
            near = ", ".join(get_close_matches(name, tables, 3)) or "none"
            message = f"The settings lead to no stream {name}; similar ones: {near}."
            raise config_error(message)
    return {table: one for table, one in tables.items() if not names or any(stands_for(name, table) for name in names)}


class _Plain(logging.Formatter):
    """The text of a message without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return filter_secrets(super().format(record))


def _log_to_standard_error() -> None:
    """Standard output is for the diagram."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Plain("%(message)s"))
    logging.getLogger().handlers = [handler]


if __name__ == "__main__":
    main()
