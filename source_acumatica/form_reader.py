"""Reads the results of an inquiry form, which come in one answer, in full each time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import requests

from source_acumatica.answers import of_its_head, read_answer, refuse_beginning
from source_acumatica.batches import in_batches, pack
from source_acumatica.contract_reader import DECODER, LIST_DECODER, ContractReader
from source_acumatica.cursor import Window
from source_acumatica.entity import Wire
from source_acumatica.errors import BrokenAnswerError, config_error, refuse_error
from source_acumatica.json_text import decode
from source_acumatica.list_codec import rows_of
from source_acumatica.paging import Page
from source_acumatica.query import Plan, inquiry_body, record_options
from source_acumatica.tables import Part

logger = logging.getLogger("airbyte")
_PIECE_BYTES = 64 * 1024


@dataclass
class FormReader(ContractReader):
    """The results of an inquiry form: asked for with parameters, in one answer, in full each time."""

    given: Mapping[str, Any] = field(default_factory=dict)

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The filled-in form as a record, as often as its results are a batch; these are the table's rows."""
        results = self.client.fetch(
            self.tenant,
            self.table.url_path,
            record_options(self.table, Plan(), self.columns),
            method="PUT",
            headers={**self.headers, "Content-Type": "application/json"},
            body=msgspec.json.encode(self._parameters()),
            read=self._read,
            where=self.where,
            judge=of_its_head(read_answer),
            is_streamed=True,
        )
        first = 1
        if not results and not self.given:
            names = ", ".join(self.table.shape.fields)
            logger.warning(
                f"{self.where}: it was asked without values and shows no results. If it needs some to show any, set "
                f"inquiry_parameters; it takes {names}."
            )
        for batch in in_batches(results):
            form: Any = Part(batch, first, len(results))
            for name in reversed(self.table.outermost_list):
                form = {name: form}
            # What makes one piece of output.
            self.record_bytes = 1.0
            yield Page([form], window.start)
            first += len(batch)

    def _read(self, response: requests.Response) -> Sequence[Wire]:
        """The form's results, while they arrive; whole before the first of them is given."""
        path = self.table.outermost_list
        described = self.table.names_at(len(path))

        def decode_rows(text: bytes) -> list[Any]:
            rows: list[Any] = decode(LIST_DECODER, b"[%b]" % text)
            for row in rows:
                refuse_error(row, described)
            return rows

        pieces = refuse_beginning(response.iter_content(_PIECE_BYTES))
        rows, rest = pack(pieces, path, decode_rows)
        unlisted = self._unlisted(rest, path)
        return rows or unlisted

    def _unlisted(self, rest: bytes, path: Sequence[str]) -> list[Any]:
        """What a form has in place of a list with rows; refuses what is no form."""
        value = decode(DECODER, rest)
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
        try:
            return inquiry_body(self.table, self.given)
        except (KeyError, ValueError):
            there_are = ", ".join(f"{name} ({kind.value})" for name, kind in self.table.shape.fields.items())
            entity, names = self.table.entity, ", ".join(self.given)
            message = f"inquiry_parameters: {entity} takes {there_are}; check the names and types of {names}."
            raise config_error(message) from None
