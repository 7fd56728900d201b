"""Decodes answers of OData into rows of a type made for the table, or into dicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from source_acumatica.erp.errors import ERROR_NAMES, BrokenAnswerError, refuse_error
from source_acumatica.erp.json_text import Log, decode
from source_acumatica.odata.tables import ODataTable
from source_acumatica.odata.values import number, odata_conversion, trimmed, zoned
from source_acumatica.reading.codec import (
    ANYTHING,
    Code,
    Codec,
    NotCompilableError,
    RawRow,
    made_row_type,
    refuse_errors,
)
from source_acumatica.reading.fields import Convert


class ODataAnswer(msgspec.Struct):
    """An answer of OData with rows, of either version."""

    value: list[Any]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)
    old_next_link: str | None = msgspec.field(name="odata.nextLink", default=None)
    # An error beside the rows makes the answer fail to decode, and is found then: the names of ERROR_NAMES.
    error: None = None
    old_error: None = msgspec.field(name="odata.error", default=None)
    message: None = None
    old_message: None = msgspec.field(name="Message", default=None)
    exception: None = msgspec.field(name="exceptionMessage", default=None)
    old_exception: None = msgspec.field(name="ExceptionMessage", default=None)


_PLAIN_ODATA: msgspec.json.Decoder[ODataAnswer] = msgspec.json.Decoder(ODataAnswer, float_hook=msgspec.Raw)


def odata_codec(table: ODataTable, columns: Collection[str] | None) -> Codec:
    """The codec of an inquiry or a table."""
    plain = partial(decode_answer, described=table.fields.keys() | table.links.keys())
    if table.asked:
        # The parameters that the rows were asked with are added to them.
        return Codec(None, None, plain)
    code, links = Code(_CHANGES), table.linked(columns)
    fields = {name: kind for name, kind in table.fields.items() if columns is None or name in columns}
    changes: dict[str, Convert | None] = {
        name: odata_conversion(name, kind, is_cursor=name == table.cursor) for name, kind in fields.items()
    }
    changes |= {name: linked.convert for name, linked in links.items()}
    # A column of the table itself may have the name of an error; its value is never an object.
    own = {name: (str | int | bool | None, None) for name in table.fields if name in ERROR_NAMES}
    typed = {**dict.fromkeys(["_tenant", *fields, *links], (Any, None)), **own}
    try:
        padded, unpadded = (
            made_row_type(code, typed, table.fields, may_be_padded=each, omit_defaults=True) for each in (True, False)
        )
        make = code.compiled(_lines(code, changes, own.keys() - fields.keys()))
    except NotCompilableError:
        return Codec(None, None, plain)
    return Codec(_answer_of(padded), make, plain, _answer_of(unpadded))


def _lines(code: Code, changes: Mapping[str, Convert | None], unwanted: Iterable[str]) -> list[str]:
    """The code that makes a record of a row: of the same type, with its tenant, and with what has to be changed."""
    trims = [code.change(trimmed, code.attribute(name)) for name, change in changes.items() if change is trimmed]
    others = [
        code.change(change, code.attribute(name)) for name, change in changes.items() if change and change != trimmed
    ]
    return [
        "record = row.__copy__()",
        f"record.{code.attribute('_tenant')} = tenant",
        *(["if row.may_be_padded:", *(f"    {line}" for line in trims)] if trims else []),
        *others,
        *(f"record.{code.attribute(name)} = None" for name in unwanted),
        "return (record,)",
    ]


def _answer_of(row_type: type[RawRow]) -> Any:
    return msgspec.defstruct("TypedFeedAnswer", [("value", list[row_type])], bases=(ODataAnswer,))  # type: ignore[valid-type]


def decode_answer(body: bytes, log: Log | None = None, described: Collection[str] = ()) -> ODataAnswer:
    """An answer of OData, with rows that are dicts.

    Raises:
        BrokenAnswerError: it is an error, or has one beside or among its rows.
        msgspec.DecodeError: it is not an answer of OData.
    """
    try:
        answer: ODataAnswer = decode(_PLAIN_ODATA, body, log)
    except msgspec.ValidationError:
        other = decode(ANYTHING, body, log)
        refuse_error(other, described)
        if not isinstance(other, dict) or other.keys().isdisjoint(described):
            raise
        # A row by itself.
        return ODataAnswer([other])
    refuse_errors(answer.value, described)
    return answer


def decode_rows(body: bytes, columns: Collection[str]) -> ODataAnswer:
    """An answer whose rows have any of these columns; a table with one row and no key answers with the row alone.

    Raises:
        BrokenAnswerError: it is an error, has one beside or among its rows, or has something else among them.
        msgspec.DecodeError: it is no answer with rows.
    """
    answer = decode_answer(body, described=columns)
    if not all(isinstance(row, dict) and not row.keys().isdisjoint(columns) for row in answer.value):
        sentence = f"rows come without {' or '.join(columns)}, which was asked for"
        raise BrokenAnswerError(sentence)
    return answer


# What each function does, with a call for few values only: a call costs more than the work on a value.
_CHANGES: Mapping[Callable[[Any], Any], str] = {
    trimmed: "if type(x := {argument}) is str: {target} = x.rstrip(' ')",
    number: "if type(x := {argument}) is str: {target} = {function}(x)",
    zoned: "if type(x := {argument}) is str and x[-1:] != 'Z': {target} = {function}(x)",
}
