"""The two dialects of the contract API: how one and the same is asked for, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from integration_tests.simulator.contract.bare_filters import ODATA_ERROR, compile_bare_filter
from integration_tests.simulator.contract.filters import FilterError, Predicate, compile_filter
from integration_tests.simulator.contract.nested_queries import customs_of_nested, read_nested_plan
from integration_tests.simulator.contract.queries import Plan, names_in, read_plan
from integration_tests.simulator.contract.values import Values, ValuesWithChoices
from integration_tests.simulator.store.shapes import SELECTS, Endpoint, Entity, Field
from integration_tests.simulator.store.values import Value
from integration_tests.simulator.trouble.lies import Lies
from integration_tests.simulator.trouble.unknowns import KeyForm
from integration_tests.simulator.web.answers import RefusedError, bad_request


class Dialect:
    """Contract 4 and before."""

    name = ""

    def plan(self, query: Mapping[str, str], entity: Entity, lies: Lies, empty_collections: bool) -> Plan:
        return read_plan(query, entity, empty_collections)

    def customs(self, query: Mapping[str, str], lies: Lies) -> set[str]:
        """The custom fields that are asked for, those of parts with the way to them."""
        return set(names_in(query, "$custom"))

    def predicate(self, text: str, entity: Entity, zone: tzinfo, lies: Lies) -> Predicate:
        return compile_filter(text, entity, zone, lies)

    def status(self, error: FilterError, lies: Lies) -> int:
        """What a filter is answered that cannot be read."""
        return 500

    def values(self, zone: tzinfo, lies: Lies) -> Values:
        return Values(zone, lies)

    def key_value(self, field: Field, text: str, lies: Lies) -> Value:
        """What records hold of a key that is a choice, from an address."""
        return text

    def parameter(self, field: Field, given: Any) -> Any:
        """What records hold of the parameter of a form."""
        return given


class DialectWithChoices(Dialect):
    """Contract 5."""

    name = "5"

    def plan(self, query: Mapping[str, str], entity: Entity, lies: Lies, empty_collections: bool) -> Plan:
        return read_nested_plan(query, entity, lies, empty_collections)

    def customs(self, query: Mapping[str, str], lies: Lies) -> set[str]:
        return customs_of_nested(query, lies)

    def predicate(self, text: str, entity: Entity, zone: tzinfo, lies: Lies) -> Predicate:
        return compile_bare_filter(text, entity, zone, lies)

    def status(self, error: FilterError, lies: Lies) -> int:
        return lies.unparsed_status if error.kind == ODATA_ERROR else 500

    def values(self, zone: tzinfo, lies: Lies) -> Values:
        return ValuesWithChoices(zone, lies)

    def key_value(self, field: Field, text: str, lies: Lies) -> Value:
        assert field.choices is not None
        if lies.key_form is KeyForm.LABEL:
            return text
        # A label finds nothing, even where a record holds it as it is.
        return field.choices.label_by_id.get(text, f"no choice: {text}")

    def parameter(self, field: Field, given: Any) -> Any:
        if field.kind not in SELECTS or given is None:
            return given
        assert field.choices is not None
        if not isinstance(given, dict) or "id" not in given:
            raise RefusedError(bad_request(f"The value of {field.name} has no id."))
        return field.choices.held(given["id"])


DIALECT, DIALECT_WITH_CHOICES = Dialect(), DialectWithChoices()


def dialect_of(endpoint: Endpoint) -> Dialect:
    return DIALECT_WITH_CHOICES if endpoint.contract >= 5 else DIALECT
