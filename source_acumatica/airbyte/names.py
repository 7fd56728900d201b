"""Warns of names that many destinations treat as one."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence

from source_acumatica.reading.table import StreamTable

logger = logging.getLogger("airbyte")


def warn_of_look_alikes(tables: Sequence[StreamTable]) -> None:
    """Log the streams, and the columns within one, whose names differ by case or punctuation only.

    To Airbyte and the sources they are different; many destinations, and PyAirbyte, write both into one.
    """
    for names in look_alikes(table.name for table in tables):
        logger.warning(
            f"The streams {_listed(names)} have one name in many destinations: {_REMEDY} the inquiry or the table."
        )
    for table in tables:
        for names in look_alikes(table.json_schema()["properties"]):
            logger.warning(
                f"{table.name}: the columns {_listed(names)} have one name in many destinations: {_REMEDY} one."
            )


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that differ only by case, accents or punctuation."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_folded(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _folded(name: str) -> str:
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return re.sub(r"[\W_]", "_", plain.casefold())


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)


_REMEDY = "select only one of them, or rename"
