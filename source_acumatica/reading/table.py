"""A table as a stream sees it, in either API."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from source_acumatica.reading.fields import LABEL_SUFFIX, FieldKind, Raw, Record

# Names seen for the stamp of the last change; the first that an entity has is its cursor (BEHAVIOR.md, "Cursors").
_CURSOR_NAME = re.compile(r"LastModif(ied)?(DateTime|On|Date)?")
_CREATED_NAMES = ("CreatedDateTime", "CreatedOn", "CreatedDate")
_CURSOR_PREFERENCE = ("LastModifiedDateTime", "LastModified", "LastModifiedOn", "LastModifiedDate")
DELETED_AT = "_ab_cdc_deleted_at"
"""Set in the record of a deleted row: by this column, Airbyte's destinations know that they have to drop it."""
PARAMETER = "_param_"
"""The prefix of the columns with the values that an inquiry was asked with."""

_PLATFORM_NAMES = ("_ab_", "_airbyte_")
"""The prefixes of columns that Airbyte's platform and its destinations add."""

Rows = Callable[[Raw], Iterable[Record]]


class StreamTable(Protocol):
    """What a stream needs to know of its table."""

    @property
    def name(self) -> str:
        """The stream's name."""

    @property
    def primary_key(self) -> list[str]:
        """The columns that identify a row; empty where nothing is known to be unique."""

    @property
    def own_key(self) -> list[str]:
        """The table's own keys, which order its list; they differ from the primary key where rows have an id."""

    @property
    def cursor_field(self) -> str | None:
        """The column by which the stream is incremental."""

    @property
    def condition(self) -> str:
        """The row filter, in parentheses; empty without one."""

    @property
    def supports_incremental(self) -> bool:
        """Whether the stream can be read incrementally."""

    @property
    def is_cursor_chosen(self) -> bool:
        """Whether the cursor is the user's choice."""

    @property
    def is_tracked(self) -> bool:
        """Whether deleted rows are read too."""

    @property
    def family(self) -> str:
        """The entity or table whose records the rows are, or belong to."""

    @property
    def record_id(self) -> str:
        """The column with the id of the record that a row is, or belongs to."""

    @property
    def id_field(self) -> str:
        """The column that identifies a deleted row."""

    @property
    def created(self) -> str | None:
        """The column that says when a row was created, by its name."""

    def json_schema(self) -> dict[str, Any]:
        """The stream's schema."""

    def wanted(self, configured: Mapping[str, Any] | None) -> frozenset[str] | None:
        """The columns to ask for where the catalog has the ``configured`` ones; None for all."""

    def rows(self, tenant: str, columns: Collection[str] | None = None) -> Rows:
        """A function from a raw row to the stream's records for ``tenant``."""


def clashing(names: Iterable[str], added: Iterable[str]) -> tuple[str, ...]:
    """The ERP's names that an added column has, too: they are left out, since the added columns are promised.

    Destinations fold the case of names, and would take two for one.
    """
    taken = {name.casefold() for name in ("_tenant", *added)}
    folded = ((name, name.casefold()) for name in names)
    return tuple(name for name, low in folded if low in taken or low.startswith(_PLATFORM_NAMES))


def explain_left_out(stream: str, names: Iterable[str]) -> str:
    """The warning about columns whose names are taken."""
    return f"Stream {stream}: {', '.join(names)} has the name of a column that the connector adds; it is left out."


def explain_covered_labels(stream: str, names: Collection[str]) -> str:
    """The warning about choices whose labels do not come."""
    labels = ", ".join(f"{name}{LABEL_SUFFIX}" for name in names)
    return (
        f"Stream {stream}: the ERP has columns of its own called {labels}, so the labels of {', '.join(names)} do not "
        "come."
    )


def left_out_by(setting: str, stream: str) -> str:
    """The error for a stream that the connection has and the settings do not name any more."""
    return (
        f"The setting {setting} does not name what {stream} shows (any more): what was read before stays as it was. "
        "Name it there again, or take the stream out of the connection."
    )


def parameter_columns(asked: Iterable[str]) -> dict[str, Any]:
    """The columns for the parameters of an inquiry; their values are those of the settings, as text."""
    return {f"{PARAMETER}{name}": {"type": "string"} for name in asked}


def cursor_of(fields: Mapping[str, FieldKind]) -> str | None:
    """The field with the stamp of a record's last change."""
    return next(iter(stamps_of(fields)), None)


def stamps_of(fields: Mapping[str, FieldKind]) -> list[str]:
    """The fields with the name of a last change's stamp, the best one first."""
    names = {name for name, kind in fields.items() if kind is FieldKind.DATE_TIME and _CURSOR_NAME.fullmatch(name)}
    preferred = [name for name in _CURSOR_PREFERENCE if name in names]
    return [*preferred, *sorted(names.difference(preferred))]


def created_of(fields: Mapping[str, FieldKind]) -> str | None:
    """The field that says when a record was created, by its name."""
    return next((name for name in _CREATED_NAMES if fields.get(name) is FieldKind.DATE_TIME), None)
