"""Entity sets as OData writes them: pages of rows, single rows and service documents, in either generation's frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from integration_tests.simulator.odata.dialects import Dialect, Version
from integration_tests.simulator.odata.queries import Expansion, Page, Query
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.web.answers import Answer

ATOM = Answer(200, b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"/>', "application/atom+xml")
# Marks that stand in addresses as they are.
MARKS = "/$,'():=@"


@dataclass(frozen=True)
class ResponseWriter:
    dialect: Dialect
    root_url: str
    rest: str  # the resource asked for, below the root
    options: Mapping[str, str]
    relative_links: bool

    def rows(self, query: Query, page: Page, name: str) -> Answer:
        members = [self._context(name)]
        if page.total is not None:
            members.append(f'"@odata.count":{page.total}')
        members.append(f'"value":[{self._rows(query, page)}]')
        if page.next_at is not None:
            members.append(f'"{self._annotation("nextLink")}":{self.dialect.written(self._next_link(page.next_at))}')
        return self._json(members)

    def single(self, query: Query, page: Page, name: str) -> Answer:
        return self._json([self._context(name), *self._members(query, page, page.rows[0])])

    def value(self, cell: Cell) -> Answer:
        return self._json([f'"value":{self.dialect.written(cell)}'])

    def services(self, services: Iterable[Mapping[str, Cell]]) -> Answer:
        rows = (",".join(f'"{name}":{self.dialect.written(cell)}' for name, cell in each.items()) for each in services)
        return self._json([self._context(""), f'"value":[{",".join(f"{{{row}}}" for row in rows)}]'])

    def _context(self, name: str) -> str:
        word = "odata.metadata" if self.dialect.version is Version.V3 else "@odata.context"
        return f'"{word}":"{self.root_url}/$metadata' + (f'#{quote(name, safe=MARKS)}"' if name else '"')

    def _annotation(self, word: str) -> str:
        return f"odata.{word}" if self.dialect.version is Version.V3 else f"@odata.{word}"

    def _next_link(self, position: int) -> str:
        query = urlencode({**self.options, "$skiptoken": position}, quote_via=quote, safe=MARKS)
        link = f"{quote(self.rest, safe=MARKS)}?{query}"
        return link if self.relative_links else f"{self.root_url}/{link}"

    def _rows(self, query: Query, page: Page) -> str:
        return ",".join("{" + ",".join(self._members(query, page, row)) + "}" for row in page.rows)

    def _members(self, query: Query, page: Page, row: Any) -> list[str]:
        members = [f'"{each.name}":{self.dialect.written(each.read(row))}' for each in page.columns]
        members += [f'"{each.navigation.name}":{self._expanded(query, each, row)}' for each in page.expansions]
        return members

    def _expanded(self, query: Query, expansion: Expansion, row: Any) -> str:
        inner, found = query.inside(expansion), query.relations.rows(query.table, expansion.navigation, row)
        text = self._rows(inner, inner.page(found, expansion.options))
        return f"[{text}]" if expansion.navigation.many else text or "null"

    def _json(self, members: Sequence[str]) -> Answer:
        return Answer(200, ("{" + ",".join(members) + "}").encode(), self.dialect.version.media_type)
