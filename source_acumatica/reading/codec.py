"""Decodes whole pages into rows of a type made for the table, and turns those into records by functions made for it.

Decoding a page into dicts costs as much as all the rest of reading it. So a table's columns are compiled once: to a
type whose values ``msgspec`` fills in without a dict for each, and to a function that lists them. A page that does not
fit the type is decoded into dicts, of which ``Table.rows`` or ``ODataTable.rows`` make the same records.

No name from the ERP gets into generated code: attributes are numbered, and ``msgspec`` knows which name each has in
JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from source_acumatica.erp.errors import ERROR_NAMES, refuse_error
from source_acumatica.erp.json_text import Log, decode

MakeRecords = Callable[[str, Any], Iterable[Any]]
"""A function from a tenant and a decoded row to records, which ``msgspec`` can encode."""


class RawRow(msgspec.Struct, gc=False):
    """A decoded row; it gives its values by name as a dict does."""

    attributes: ClassVar[Mapping[str, str]] = {}
    """The attribute that holds the value of each name."""
    may_be_padded: ClassVar[bool] = True
    """Whether texts may end with spaces."""

    def get(self, name: str) -> Any:
        """The value as it was sent, or None."""
        attribute = self.attributes.get(name)
        return None if attribute is None else getattr(self, attribute)


ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=msgspec.Raw)


def plain_value(value: Any) -> Any:
    """A raw value in a form that can be compared and held in a state: numbers that keep their digits become text."""
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else value


# A regular expression finds this in half the time that ``in`` takes.
_SPACE_BEFORE_QUOTE = re.compile(rb' "')


def may_be_padded(body: bytes) -> bool:
    """Whether a text in a JSON text may end with a space; so it may where names have a space in front of them."""
    return _SPACE_BEFORE_QUOTE.search(body) is not None or (b"\\" in body and b"\\u0020" in body)


class Codec:
    """One table's pages: decoded into rows of its type, or into dicts where they do not fit it."""

    def __init__(
        self,
        page_type: Any,
        make_records: MakeRecords | None,
        plain: Callable[[bytes, Log | None], Any],
        unpadded_type: Any = None,
    ) -> None:
        """``unpadded_type``: what pages are decoded into in which no text ends with spaces, if not the same."""
        self._plain = plain
        self._typed = self._unpadded = None
        if make_records:
            self._typed = msgspec.json.Decoder(page_type, float_hook=msgspec.Raw)
        if make_records and unpadded_type:
            self._unpadded = msgspec.json.Decoder(unpadded_type, float_hook=msgspec.Raw)
        self.make_records = make_records
        """None where nothing was compiled; rows are dicts then."""

    def decode(self, body: bytes, log: Log | None = None) -> Any:
        """The page, with every digit of its numbers; ``log`` gets a line on what had to be repaired.

        Raises:
            BrokenAnswerError: it is an error, or has one beside or among its rows.
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        # Read once: another thread, which decodes a page of this table, may find that the types do not fit.
        typed, unpadded = self._typed, self._unpadded
        if typed is None:
            return self._plain(body, log)
        if unpadded and not may_be_padded(body):
            typed = unpadded
        try:
            return decode(typed, body, log)
        except msgspec.ValidationError:
            page = self._plain(body, log)
            # The next page is like this one.
            self._typed = self._unpadded = None
            return page

    def decode_dicts(self, body: bytes, log: Log | None = None) -> Any:
        """The page as dicts, which can be changed and compared as a whole.

        Raises:
            BrokenAnswerError: it is an error, or has one beside or among its rows.
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        return self._plain(body, log)


def shared_codec(codecs: list[tuple[Any, Codec]], table: Any, make: Callable[[], Codec]) -> Codec:
    """The codec of a table, made once for all tenants that have the same."""
    found = next((codec for known, codec in codecs if known == table), None)
    if found is None:
        found = make()
        codecs.append((table, found))
    return found


Parts = Mapping[str, tuple[Collection[str], "Parts"]]
"""Objects and lists within a row, each with the names that are described within it, and with parts of its own."""


def refuse_errors(rows: Iterable[Any], described: Collection[str], parts: Parts = MappingProxyType({})) -> None:
    """Refuse errors among rows, and in what is nested in them.

    Raises:
        BrokenAnswerError: there is one.
    """
    for row in rows:
        refuse_error(row, described)
        for name, (described_below, deeper) in parts.items() if isinstance(row, dict) else ():
            below = row.get(name)
            refuse_errors(below if isinstance(below, list) else [below], described_below, deeper)


# ------------------------------------------------------------------------------------------------------------- making


class NotCompilableError(Exception):
    """No codec can be compiled: rows are identified by all their values, or a name needs escapes in JSON."""


Fields = dict[str, tuple[Any, Any]]
"""Types and defaults by name."""


class Code:
    """The text of a function over ``tenant`` and ``row``, and the values that it refers to."""

    def __init__(self, shortcuts: Mapping[Callable[[Any], Any], str] = MappingProxyType({})) -> None:
        """``shortcuts``: for a function, code that does the same with most values without a call."""
        self._shortcuts = shortcuts
        self._values: dict[str, Any] = {}
        self._constants: dict[int, str] = {}
        self._attributes: dict[str, str] = {}

    def attribute(self, name: str) -> str:
        """The attribute that stands for a name, the same one in rows of every level."""
        return self._attributes.setdefault(name, f"f{len(self._attributes)}")

    def value(self, value: Any) -> str:
        """The name that stands for ``value``."""
        name = f"v{len(self._values)}"
        self._values[name] = value
        return name

    def constant(self, value: Any) -> str:
        """The name that stands for ``value`` each time."""
        if id(value) not in self._constants:
            self._constants[id(value)] = self.value(value)
        return self._constants[id(value)]

    def change(self, function: Callable[[Any], Any], attribute: str) -> str:
        """The code that changes a column of ``record`` as ``function`` does, with a call only where it is needed."""
        value = f"row.{attribute}"
        if function in self._shortcuts:
            return self._shortcuts[function].format(
                function=self.value(function), argument=value, target=f"record.{attribute}"
            )
        return f"record.{attribute} = {self.value(function)}({value})"

    def call(self, function: Callable[[Any], Any] | None, argument: str) -> str:
        """The code of a call of ``function``; without one, the argument."""
        if function is None:
            return argument
        return self._shortcuts.get(function, "{function}({argument})").format(
            function=self.value(function), argument=argument
        )

    def record(self, cells: Mapping[str, str], *, is_top: bool = True) -> str:
        """The code of a record with these cells; at the top, empty ones are left out of its JSON."""
        names = _names_by_attribute(cells, self)
        fields = [(attribute, Any, None) for attribute in names]
        record_type = msgspec.defstruct("Record", fields, rename=names, gc=False, omit_defaults=is_top)
        return f"{self.value(record_type)}({', '.join(cells.values())})"

    def compiled(self, lines: Iterable[str]) -> MakeRecords:
        """The function with these lines as its body, which have no text from the ERP in them."""
        text = "\n    ".join(["def make(tenant, row):", *lines])
        exec(compile(text, "<columns of a table>", "exec"), self._values)
        make: MakeRecords = self._values["make"]
        return make


# In JSON these have to be escaped, which ``msgspec`` does not do with the names of fields.
_UNWRITABLE = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


def _names_by_attribute(names: Iterable[str], code: Code) -> dict[str, str]:
    if any(map(_UNWRITABLE.search, names)):
        raise NotCompilableError
    return {code.attribute(name): name for name in names}


def made_row_type(
    code: Code, fields: Fields, own: Collection[str], *, may_be_padded: bool = True, omit_defaults: bool = False
) -> type[RawRow]:
    """The type of a row, which an error does not fit; the row's ``own`` names are not taken for those of an error.

    With ``omit_defaults``, rows can be encoded as records.
    """
    guards: Fields = {name: (None, None) for name in ERROR_NAMES if name not in own}
    fields = {**guards, **fields}
    names = _names_by_attribute(fields, code)
    typed = [(code.attribute(name), type_, default) for name, (type_, default) in fields.items()]
    namespace = {
        "attributes": {name: attribute for attribute, name in names.items()},
        "may_be_padded": may_be_padded,
    }
    row_type: type[RawRow] = msgspec.defstruct(  # type: ignore[assignment]
        "Row", typed, bases=(RawRow,), rename=names, namespace=namespace, gc=False, omit_defaults=omit_defaults
    )
    return row_type
