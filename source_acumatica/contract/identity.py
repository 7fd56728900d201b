"""Says what identifies a record of a list, so that it is recognized in another answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from source_acumatica.contract.tables import Table
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import Raw, Wrapper, unwrap
from source_acumatica.reading.sent_rows import Identity

# What differs between two answers with the same record, at every depth: ids may be made up, custom fields be others.
_TRANSIENT = frozenset({"id", "rowNumber", "_links", "custom"})


def identifier(table: Table) -> Callable[[Raw], Identity]:
    """The function to a record's identity: its keys or its NoteID, or else its whole content.

    A record that keeps its NoteID may be renamed and then move in the list: its stamp shows that it was changed.
    """
    keys, cursor = table.keys, table.cursor or ""
    if keys:
        return lambda row: ("\x1f".join([_text(row.get(key)) for key in keys]),)
    if table.has_note_id:
        return lambda row: (str(row.get("id")), str(unwrap(row.get(cursor))))
    return _content


def _text(wrapper: Any) -> str:
    value = wrapper.value if type(wrapper) is Wrapper else None
    # Nearly all keys are texts, and each row is asked for them.
    return value if type(value) is str else str(plain_value(unwrap(wrapper)))


def _content(row: Raw) -> Identity:
    text = msgspec.json.encode(_lasting(row), order="sorted")
    return (hashlib.sha256(text).hexdigest(),)


def _lasting(value: Any) -> Any:
    """What a record says in every answer, in a form that can be serialized."""
    match value:
        case dict():
            return {name: _lasting(inner) for name, inner in value.items() if name not in _TRANSIENT}
        case list():
            return [_lasting(inner) for inner in value]
        case _:
            return value
