"""The OData service of the generic inquiries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from urllib.parse import quote

from integration_tests.simulator.odata.columns import as_shown
from integration_tests.simulator.odata.customizations import inquiries_of
from integration_tests.simulator.odata.dialects import Dialect, ODataError, Version
from integration_tests.simulator.odata.edm import Edm
from integration_tests.simulator.odata.filters import read_literal
from integration_tests.simulator.odata.inquiries import INQUIRIES, GenericInquiry, Parameter, inquiry_rows
from integration_tests.simulator.odata.metadata import inquiries_metadata
from integration_tests.simulator.odata.queries import INQUIRY_OPTIONS, arguments
from integration_tests.simulator.odata.rendering import ATOM
from integration_tests.simulator.odata.service import Service, ServiceDocument, named, not_found
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.web.answers import Answer


class InquiryService(Service):
    @property
    def _dialect(self) -> Dialect:
        """Inquiries are sent in UTC, whatever the zone of the web server."""
        return Dialect(self.address.version, UTC)

    def _metadata(self) -> Iterator[bytes]:
        return inquiries_metadata(self.address.version, inquiries_of(self.tenant.lacks))

    def _services(self) -> ServiceDocument:
        """All that is exposed, also what this user may not read."""
        kind: dict[str, Cell] = {} if self.address.version is Version.V3 else {"kind": "EntitySet"}
        yield from ({"name": each.title, **kind, "url": quote(each.title)} for each in INQUIRIES)

    def _resource(self, name: str, given: str | None, call: str | None) -> Answer:
        known = {each.title: each for each in inquiries_of(self.tenant.lacks)}
        inquiry = known.get(name) if given is None else None
        if inquiry is None and (given is not None or self.address.version is Version.V3):
            inquiry = next((each for each in known.values() if each.parameters and each.function == name), None)
            given = given or ""
        if inquiry is None or call:
            raise not_found(self.address.rest)
        if inquiry.forbidden:
            raise ODataError("You have insufficient rights to access the inquiry.", 403)
        if self.address.version is Version.V3 and not self._asks_for_json():
            return ATOM
        query = self._query(as_shown(inquiry.title, inquiry.type, self.lies), INQUIRY_OPTIONS, shuffles=True)
        options, parameters = self.request.query, self._parameters(inquiry, given)
        if not inquiry.filters_below:
            rows = inquiry_rows(inquiry, self.store, parameters)
            return self._writer.rows(query, query.page(rows, options), name)
        rows = inquiry_rows(inquiry, self.store, parameters, lambda groups: query.filtered(groups, options))
        unfiltered = {option: value for option, value in options.items() if option != "$filter"}
        return self._writer.rows(query, query.page(rows, unfiltered), name)

    def _parameters(self, inquiry: GenericInquiry, given: str | None) -> dict[str, Any]:
        """Version 4 names them in parentheses, version 3 among the query options; the set itself takes none."""
        if given is None:
            return {}
        if self.address.version is Version.V3:
            return {each.name: self._bare(each) for each in inquiry.parameters if each.name in self.request.query}
        values = {name: self._value(text) for name, text in map(named, arguments(given))}
        if unknown := values.keys() - {each.name for each in inquiry.parameters}:
            raise ODataError(f"The inquiry has no parameters {sorted(unknown)}.")
        return values

    def _bare(self, parameter: Parameter) -> Cell:
        """A text may stand without its quotes."""
        text = self.request.query[parameter.name]
        return text if parameter.type is Edm.STRING and not text.startswith("'") else read_literal(text, self._dialect)

    def _value(self, text: str) -> Cell:
        """A literal, or the alias of one that stands among the query options."""
        literal = self.request.query.get(text) if text.startswith("@") else text
        if literal is None:
            raise ODataError(f"The parameter alias '{text}' has no value.")
        return read_literal(literal, self._dialect)

    def _asks_for_json(self) -> bool:
        """Version 3 answers with Atom unless JSON is asked for."""
        return self.request.query.get("$format") == "json" or "json" in self.request.headers.get("accept", "")
