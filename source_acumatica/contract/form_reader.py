"""Reads the results of an inquiry form, which come in one answer, in full each time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec
import requests
from airbyte_cdk.models import FailureType

from source_acumatica.contract.base_reader import DECODER, LIST_DECODER, ContractReader
from source_acumatica.contract.codec import rows_of
from source_acumatica.contract.field_check import FieldCheck
from source_acumatica.contract.parameters import inquiry_body, wrong_parameters
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import record_options
from source_acumatica.contract.tables import Part
from source_acumatica.erp.answers import naming_feature, of_its_head, read_answer, refuse_beginning
from source_acumatica.erp.errors import BrokenAnswerError, RequestFailed, config_error, refuse_error, with_quote
from source_acumatica.erp.json_text import decode
from source_acumatica.reading.batches import in_batches, pack
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import FieldKind, Raw, unwrap, utc_instant
from source_acumatica.reading.paging import Page
from source_acumatica.reading.reader import gives_up
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")
_PIECE_BYTES = 64 * 1024
_NOT_AS_DESCRIBED = 400
_OTHER_VALUES = "the ERP wants other values: set inquiry_parameters"


@dataclass
class FormReader(ContractReader):
    """The results of an inquiry form: asked for with parameters, in one answer, in full each time."""

    given: Mapping[str, Any] = field(default_factory=dict)
    _field_check: FieldCheck = field(init=False)
    _without: tuple[str, ...] = field(default=(), init=False)
    """The columns for which the results that were given last hold no value."""

    def __post_init__(self) -> None:
        self._field_check = FieldCheck(self.table, self.columns, self.where)

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The form as a record, once for each batch of its results, which are the table's rows."""
        sent = self._parameters()
        results, shown = self._asked_with(sent)
        self._refuse_errors(sent, shown)
        self._warn_of_other_values(sent, shown)
        first = 1
        if not results and not self.given:
            names = ", ".join(self.table.shape.fields)
            logger.warning(
                f"{self.where}: it was asked without values and shows no results. If it needs some to show any, set "
                f"inquiry_parameters; it takes {names}."
            )
        for batch in in_batches(results):
            for some, without in self._checked(batch):
                self._without = without
                # So that the whole batch goes out at once, however large its records are.
                self.record_bytes = 1.0
                yield Page([self._form_with(Part(some, first, len(results)))], window.start)
                first += len(some)

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows as they are: all results in them lack the same."""
        return [(rows, self._without)]

    def _checked(self, batch: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The results in runs that hold no value for the same columns, after a look at what is not sent at all."""
        self._field_check.look_at([self._form_with(list(batch))], self.left_out, self._leave_out)
        self.broken = self._field_check.broken
        return self._field_check.runs(batch, lambda row: self._form_with([row]))

    def _leave_out(self, columns: Sequence[str]) -> None:
        self.left_out = (*self.left_out, *columns)

    def _form_with(self, results: Any) -> dict[str, Any]:
        """The form as a record that has these results."""
        for name in reversed(self.table.outermost_list):
            results = {name: results}
        form: dict[str, Any] = results
        return form

    def _asked_with(self, sent: Mapping[str, Any]) -> tuple[Sequence[Raw], Mapping[str, Any]]:
        try:
            return self.client.fetch(
                self.tenant,
                self.table.url_path,
                record_options(self.table, Plan(), self.columns),
                method="PUT",
                headers={**self.headers, "Content-Type": "application/json"},
                body=msgspec.json.encode(sent),
                read=self._read,
                where=self.where,
                judge=of_its_head(naming_feature(read_answer, self.table.off)),
                is_streamed=True,
            )
        except RequestFailed as error:
            if not sent or error.problem.status != _NOT_AS_DESCRIBED:
                raise
            # Of the request only the values are the user's, such as a date that is written in another way.
            sentence = f"{_OTHER_VALUES}. {error.problem.sentence}"
            problem = replace(error.problem, failure_type=FailureType.config_error, sentence=sentence)
            raise RequestFailed(problem, self.where) from None

    def _refuse_errors(self, sent: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        """Check the form, which comes back with its results, for errors beside its values.

        Raises:
            RequestFailed: there is one beside a value that was sent, so the results are not those that were asked for.
        """
        if "error" not in self.table.shape.fields and (error := shown.get("error")):
            raise gives_up(self.where, with_quote(_HAS_AN_ERROR, _text(error)))
        errors = {name: each["error"] for name, each in shown.items() if isinstance(each, dict) and each.get("error")}
        quote = "\n".join(f"{name}: {error}" for name, error in errors.items())
        if not errors.keys().isdisjoint(sent):
            raise gives_up(self.where, with_quote(_OTHER_VALUES, quote))
        if errors:
            sentence = "the form has an error beside a value that was not set; check whether its results are right"
            logger.warning(f"{self.where}: {with_quote(sentence, quote)}.")

    def _warn_of_other_values(self, sent: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        """Warn where the form has come back with another value than the one that was sent."""
        for name, wrapper in sent.items():
            answered, kind = shown.get(name), self.table.shape.fields[name]
            value, shows = unwrap(wrapper), unwrap(answered)
            if isinstance(answered, dict) and not _says_the_same(value, shows, kind):
                logger.warning(
                    f"{self.where}: {name} was sent as '{value}', and the form shows "
                    f"'{_text(shows)}': if these do not mean the same, its results are of another "
                    "value. Write it in inquiry_parameters as the form shows it."
                )

    def _read(self, response: requests.Response) -> tuple[Sequence[Raw], Mapping[str, Any]]:
        """The form's results, packed while they arrive and returned when they are complete, and the form itself."""
        path = self.table.outermost_list
        described = self.table.names_at(len(path))

        def decode_rows(text: bytes) -> list[Any]:
            rows: list[Any] = decode(LIST_DECODER, b"[%b]" % text)
            for row in rows:
                refuse_error(row, described)
            return rows

        pieces = refuse_beginning(response.iter_content(_PIECE_BYTES))
        rows, rest = pack(pieces, path, decode_rows)
        form = decode(DECODER, rest)
        unlisted = self._unlisted(form, path)
        return rows or unlisted, form

    def _unlisted(self, form: Mapping[str, Any], path: Sequence[str]) -> list[Any]:
        """The rows of a form that come as something other than a list; refuses what is not a form."""
        value: Any = form
        for depth, name in enumerate(path):
            refuse_error(value, self.table.names_at(depth))
            if not isinstance(value, dict) or name not in value:
                sentence = f"the ERP leaves out {'/'.join(path)} of the form, although it was asked for"
                raise BrokenAnswerError(sentence)
            value = value[name]
            if value is None:
                return []
        return rows_of(value, self.table.names_at(len(path)))

    def _parameters(self) -> dict[str, Any]:
        if complaint := wrong_parameters(self.table, self.given):
            message = f"{self.where}: {complaint}"
            raise config_error(message)
        return inquiry_body(self.table, self.given)


def _says_the_same(sent: Any, shown: Any, kind: FieldKind) -> bool:
    """Whether a value has come back as it was sent.

    Forms apply a mask to texts, and have their own formats for numbers and times.
    """
    one, other = _text(sent), _text(shown)
    if kind is FieldKind.DATE_TIME:
        return _is_same_time(one, other)
    if isinstance(shown, int | msgspec.Raw) and not isinstance(shown, bool):
        try:
            return Decimal(one) == Decimal(other)
        except ArithmeticError:
            return False
    return _bare(one) == _bare(other)


def _is_same_time(one: str, other: str) -> bool:
    """Whether two times are one instant or have the same date; also where their formats cannot be compared."""
    try:
        return one[:10] == other[:10] or utc_instant(one) == utc_instant(other)
    except ValueError:
        return True


_HAS_AN_ERROR = "the form came back with an error; if it wants other values, set inquiry_parameters"


def _text(value: Any) -> str:
    return "" if value is None else str(plain_value(value))


def _bare(text: str) -> str:
    """Without the characters that a mask adds (01-2026 for 012026), in lower case."""
    return "".join(filter(str.isalnum, text)).casefold()
