"""What the contract-based REST API sends in place of the truth."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from integration_tests.simulator.store.shapes import SELECTS, Endpoint, Field, FieldKind, Shape
from integration_tests.simulator.trouble.lies import TRUTH, Lies, names_one
from integration_tests.simulator.trouble.rewriting import (
    LATE_ERROR,
    NO_RIGHTS,
    RawRow,
    changed_page,
    changed_record,
    encoded,
    in_form,
    shown_values,
)
from integration_tests.simulator.web.answers import Answer, failure, message

EMPTY_FORM = "The required configuration data is not entered on the Preferences form."


def as_described(endpoint: Endpoint, lies: Lies) -> Endpoint:
    """With the kinds that these lies give its fields."""
    if lies.untyped is None and not lies.described and not lies.days_in_contract_4:
        return endpoint
    return _retyped(endpoint, lies.untyped is not None, lies.days_in_contract_4, frozenset(lies.described.items()))


@lru_cache(maxsize=32)
def _retyped(endpoint: Endpoint, untyped: bool, days: bool, described: frozenset[tuple[str, FieldKind]]) -> Endpoint:
    kinds, made = dict(described), dict[int, Shape]()

    def retyped(schema: str, each: Field) -> Field:
        kind = FieldKind.STRING if untyped and each.kind in SELECTS else each.kind
        kind = FieldKind.DATE_ONLY if days and each.retyped is FieldKind.DATE_ONLY else kind
        return replace(each, kind=kinds.get(f"{schema}.{each.name}", kind))

    def shape(one: Any) -> Any:
        if id(one) not in made:
            fields = tuple(retyped(one.schema, each) for each in one.fields)
            collections = tuple(replace(each, shape=shape(each.shape)) for each in one.collections)
            links = tuple(replace(each, shape=shape(each.shape)) for each in one.links)
            made[id(one)] = replace(one, fields=fields, collections=collections, links=links)
        return made[id(one)]

    return replace(endpoint, entities=tuple(map(shape, endpoint.entities)))


def untrue_records(customs: Callable[[], Set[str]], answer: Answer, lies: Lies, *, is_list: bool) -> Answer:
    """The answer under these lies; `customs`: the custom fields that were asked for."""
    if lies == TRUTH or answer.status != 200:
        return answer
    if lies.forbidden:
        return message(403, NO_RIGHTS)
    if lies.not_set_up:
        return failure(EMPTY_FORM, "PX.Data.PXSetupNotEnteredException")
    asked = customs()
    if refused := sorted(asked & lies.refused_customs):
        return failure(f"The field {refused[0]} cannot be exported.")
    if not is_list:
        record = msgspec.json.decode(answer.body, type=RawRow)
        of_one = replace(lies, emptied=frozenset()) if lies.is_missing_alone else TRUTH
        return replace(answer, body=msgspec.json.encode(changed_record(record, of_one)))
    rows = msgspec.json.decode(answer.body, type=list[RawRow])
    if lies.most_customs is not None and len(asked) > lies.most_customs:
        rows = []
    if names_one(lies.poison, shown_values(rows)):
        return failure("Object reference not set to an instance of an object.", "System.NullReferenceException")
    page = [changed_record(row, lies) for row in changed_page(rows, lies)]
    if lies.error:
        page = [*page[: len(page) // 2], {"message": encoded(LATE_ERROR["message"])}]
    return replace(answer, body=in_form(page, lies.form))
