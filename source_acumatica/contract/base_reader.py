"""What the readers of the contract-based REST API have in common: how they ask for a record, and for a few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import requests
from airbyte_cdk.models import FailureType

from source_acumatica.contract.tables import Table
from source_acumatica.erp.answers import naming_feature, or_no_content, read_answer
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, Problem, refuse_error
from source_acumatica.erp.json_text import decode
from source_acumatica.reading.reader import Reader, where_of

DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=msgspec.Raw)
LIST_DECODER = msgspec.json.Decoder(list[Any], float_hook=msgspec.Raw)
REFUSALS = (Action.ASK_FOR_LESS, Action.STOP)
"""Failures where asking for less may help."""


@dataclass
class ContractReader(Reader):
    """What the readers of the contract-based REST API have in common."""

    table: Table
    columns: frozenset[str] | None
    client: Client
    headers: Mapping[str, str]

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return where_of(self.tenant, self.table.name)

    def fetch_object(self, path: str, options: Mapping[str, str] | None = None, **request: Any) -> dict[str, Any]:
        """One record or form."""
        headers = {**self.headers, **request.pop("headers", {})}

        def read(response: requests.Response) -> dict[str, Any]:
            self.record_bytes = len(response.content)
            record: dict[str, Any] = decode(DECODER, response.content)
            refuse_error(record, self.table.names_at(0))
            return record

        judge = naming_feature(read_answer, self.table.off)
        request = {"judge": judge, **request}
        return self.client.fetch(self.tenant, path, options, read=read, where=self.where, headers=headers, **request)

    def fetch_rows(self, path: str, options: Mapping[str, str]) -> list[dict[str, Any]]:
        """The few rows that a list has under these options."""

        def read(response: requests.Response) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = decode(LIST_DECODER, response.content) if response.content else []
            return rows

        judge = or_no_content(naming_feature(read_answer, self.table.off))
        return self.client.fetch(
            self.tenant, path, options, read=read, where=self.where, headers=self.headers, judge=judge
        )


def lacks(part: str) -> Problem:
    """The problem of an answer without a part that was asked for: a missing name does not mean an empty part."""
    sentence = f"the ERP leaves out {part} although it was asked for"
    return Problem(Action.ASK_FOR_LESS, FailureType.system_error, sentence, is_unclear=True)
