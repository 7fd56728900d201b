"""Reads one tenant's rows of a table, asking for less where the ERP bears no more."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import requests
from airbyte_cdk.models import FailureType

from source_acumatica.client import Client
from source_acumatica.config import Config
from source_acumatica.cursor import Window
from source_acumatica.entity import Wire
from source_acumatica.errors import Next, Problem, RequestFailed, config_error
from source_acumatica.paging import (
    Page,
)
from source_acumatica.parts import missing
from source_acumatica.query import (
    Plan,
    expanded,
    inquiry_body,
    record_options,
)
from source_acumatica.tables import Table

logger = logging.getLogger("airbyte")

Answer = TypeVar("Answer")

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=msgspec.Raw)
_LIST_DECODER = msgspec.json.Decoder(list[dict[str, Any]], float_hook=msgspec.Raw)


def where_of(tenant: str, stream: str) -> str:
    """How log lines and errors about a tenant's rows of a stream begin."""
    return f"Tenant '{tenant}', stream {stream}"


@dataclass
class Reader(ABC):
    """One tenant's rows of a stream; the subclasses differ in how they are asked for."""

    tenant: str
    config: Config
    record_bytes: float = field(default=0.0, init=False)
    """What a record of the last answer took on the wire, on average."""
    left_out: tuple[str, ...] = field(default=(), init=False)
    """The columns, or custom fields in them, that the ERP has and does not give: records from now on lack them."""

    @property
    @abstractmethod
    def where(self) -> str:
        """How log lines and errors begin."""

    @abstractmethod
    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The wire records of ``window``, page by page.

        Raises:
            RequestFailed: given up, with the sentence; ``Next.SKIP`` where there is nothing to read.
        """

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return False


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

        def read(response: requests.Response) -> dict[str, Any]:
            self.record_bytes = len(response.content)
            return _DECODER.decode(response.content)

        return self._fetch_json(read, path, options, **request)

    def fetch_rows(self, path: str, options: Mapping[str, str]) -> list[dict[str, Any]]:
        """The few rows that a list has under these options."""
        return self._fetch_json(lambda response: _LIST_DECODER.decode(response.content), path, options)

    def _fetch_json(
        self, read: Callable[[requests.Response], Answer], path: str, options: Mapping[str, str] | None, **request: Any
    ) -> Answer:
        headers = {**self.headers, **request.pop("headers", {})}
        return self.client.fetch(self.tenant, path, options, read=read, where=self.where, headers=headers, **request)


@dataclass
class FormReader(ContractReader):
    """The results of an inquiry form: asked for with parameters, in one answer, in full each time."""

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The filled-in form as the only record; its results are the table's rows."""
        form = self.fetch_object(
            self.table.url_path,
            record_options(self.table, Plan(), self.columns),
            method="PUT",
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(self._parameters()),
        )
        lacking = missing([form], expanded(self.table, Plan(), self.columns))
        if lacking:
            raise RequestFailed(lacks(lacking), self.where)
        yield Page([form], window.start)

    def _parameters(self) -> dict[str, Any]:
        given = self.config.parameters(self.table.entity)
        try:
            return inquiry_body(self.table, given)
        except (KeyError, ValueError):
            there_are = ", ".join(f"{name} ({kind.value})" for name, kind in self.table.shape.fields.items())
            entity, names = self.table.entity, ", ".join(given)
            message = f"inquiry_parameters: {entity} takes {there_are}; check the names and types of {names}."
            raise config_error(message) from None


def lacks(part: str) -> Problem:
    """A part of a record that was asked for and whose name does not come: that says nothing of what is in it."""
    return Problem(Next.CLIMB_DOWN, FailureType.system_error, f"the ERP leaves out {part} although it was asked for")


def repeats_itself(where: str) -> RequestFailed:
    """The error of a list that does not end."""
    sentence = "the ERP repeats the same rows instead of going on: reading this list was stopped"
    return RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), where)


def bearable(names: tuple[str, ...], works: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """Those of ``names`` that the ERP bears, found by halving."""
    if not names or works(names):
        return names
    if len(names) == 1:
        return ()
    middle = len(names) // 2
    return bearable(names[:middle], works) + bearable(names[middle:], works)
