"""Where the ERP is not what its descriptions and its answers say: switches that tests turn, each a kind of untruth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from integration_tests.simulator.store.shapes import FieldKind
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.trouble.unknowns import (
    Empty,
    FeatureForm,
    FileForm,
    KeyForm,
    Labels,
    Literals,
    Naming,
    OldCustom,
    Sent,
    Star,
    StatForm,
)

# What a row shows in a column, from the row and from what is stored.
Show = Callable[[Any, Cell], Cell]
TICKS_PER_SECOND = 300


class ErrorPlace(Enum):
    """Where an error stands that came up after the answer had begun: half of the rows come, and it."""

    BESIDE = "beside"  # beside the rows; among them where they are a bare list
    AMONG = "among"  # in the place of the next row


class Half(Enum):
    """One side of an `or`."""

    FIRST = "first"
    SECOND = "second"


class ListForm(Enum):
    """How a list is wrapped."""

    USUAL = "usual"
    OBJECT = "object"  # a single row stands alone, without the list around it
    WRAPPED = "wrapped"  # the contract API's rows under `value`, as OData has them


@dataclass(frozen=True)
class Lies:
    """All are off at first. `only`, a regular expression, says which requests are lied to, by path and query.

    A row is named by one of the values that it shows, as text: `hidden={"C000003"}`.
    """

    only: str = ""

    # --- which rows a page has
    most_rows: int | None = None  # no page has more, whatever is asked for
    short_by: int = 0  # a page ends so many rows earlier; they come if one asks for them from there
    hidden: frozenset[str] = frozenset()  # counted by `$skip` and `$top` and taken out then, whatever is selected
    ignores_top: bool = False  # all rows from `$skip` on
    doubled: frozenset[str] = frozenset()  # such a row comes twice, one behind the other
    repeats: int = 0  # the first rows of a page come again at its end
    poison: frozenset[str] = frozenset()  # a page that has such a row fails
    unordered: bool = False  # rows that the order finds equal, or all without one, come otherwise in each request
    reordered: int = 0  # lists of the contract API come in another order, which lasts: for each number another one
    error: ErrorPlace | None = None
    form: ListForm = ListForm.USUAL

    # --- what a record has
    missing: frozenset[str] = frozenset()  # paths of parts, fields and columns that do not come although asked for
    broken: frozenset[str] = frozenset()  # paths of fields that come as an error in place of a value
    emptied: frozenset[str] = frozenset()  # paths of parts, `custom/View/Field` too, that lists show empty, not records
    is_missing_alone: bool = False  # `missing` and `broken` go for single records too
    unstable_ids: bool = False  # ids that last for one answer, of tables with a NoteID too
    refused_customs: frozenset[str] = frozenset()  # not to be asked for: "View.Field", "Details/View.Field"
    most_customs: int | None = None  # a list that is asked for more of them is empty

    # --- attached files
    closed_files: bool = False  # a list that expands them is refused
    file_form: FileForm = FileForm.USUAL

    # --- how it compares
    blind: bool = False  # filters with an instant find nothing
    deaf: bool = False  # filters are not looked at
    lost_half: Half | None = None  # which of the conditions `(A ge B or A eq null)` is not looked at
    uncomparable: int | None = None  # OData: no text is greater than another; with this status it says so
    null_filters: bool | None = None  # whether `eq null` is accepted; None: by OData, and not by the contract API
    ticks: bool = False  # instants are kept and compared in 1/300 s; OData shows them so, contract REST rounds
    compared_later: timedelta = timedelta()  # an instant compares as if it were so much later than it is shown

    # --- what the user may read, and the screen can
    forbidden: bool = False
    not_set_up: bool = False  # the preferences form of the screen is empty: of the contract API

    # --- what an answer says of itself
    request_stat: StatForm = StatForm.MISSING

    # --- contract 5: what nobody knows of it; paths are "Schema.Field", "SalesOrder.Status" or "Document.UsrDays"
    key_form: KeyForm = KeyForm.ID
    old_custom: OldCustom = OldCustom.IGNORED
    star: Star = Star.WORKS
    nested_star: Star = Star.WORKS
    naming: Naming = Naming.FREE
    untyped: Sent | None = None  # choices are described as `StringValue` and come bare, by LABEL or by ID
    described: Mapping[str, FieldKind] = field(default_factory=dict)  # fields that have another kind in descriptions
    sent: Mapping[str, Sent] = field(default_factory=dict)  # fields that come otherwise than their kind says
    empty: Empty = Empty.OBJECT
    omits_empty_customs: bool = False  # in place of `{"type": ...}` alone
    null_errors: bool = False  # `"error": null` beside each value
    labels: Labels = Labels.USUAL
    literals: Literals = Literals.BARE
    unparsed_status: int = 400  # of a query that cannot be read
    optimization_text: str = ""  # of the refusal of a list that cannot be one query
    plain_references: bool = False  # linked objects are described by a `$ref` alone, as in early builds
    days_in_contract_4: bool = False  # what contract 5 has as dates are dates in contract 4 too
    features: FeatureForm = FeatureForm.NAMES

    # --- OData
    closed_links: frozenset[str] = frozenset()  # links to other tables that no filter may name; "*" for all of them
    closed_status: int = 400  # how a filter that names one is refused
    closed_expansions: frozenset[str] = frozenset()  # links that `$expand` may not name, at any depth: `closed_status`
    deaf_expansions: frozenset[str] = frozenset()  # links that `$expand` may name, and that bring nothing
    unexplained_links: frozenset[str] = frozenset({"BranchByBranchID"})  # described without their columns; "*" for all
    half_explained_links: frozenset[str] = frozenset()  # described with the first of their columns alone
    most_expansions: int | None = None  # a request that names more links is refused: `closed_status`
    quantifiers: frozenset[str] = frozenset({"any", "Any", "all", "All"})  # as filters over collections write them
    next_links: str = ""  # scheme, host and port that links to the next page have, and the directory if one is given
    shown: Mapping[str, Show] = field(default_factory=dict)  # "Table.Column" or "Inquiry.Column": all see that instead

    def concerns(self, target: str) -> bool:
        return re.search(self.only, target) is not None

    def hides(self, values: Iterable[object]) -> bool:
        return names_one(self.hidden, values)

    def compared(self, moment: datetime) -> datetime:
        return (as_ticks(moment) if self.ticks else moment) + self.compared_later


TRUTH = Lies()


def names_one(names: frozenset[str], values: Iterable[object]) -> bool:
    return bool(names) and any(str(value).rstrip(" ") in names for value in values)


def together(lies: Iterable[Lies]) -> Lies:
    """What several say; the last one wins, but each may show columns."""
    joined = TRUTH
    for each in lies:
        stated = {one.name: getattr(each, one.name) for one in fields(each)}
        changed = {name: value for name, value in stated.items() if value != getattr(TRUTH, name)}
        maps = {name: {**getattr(joined, name), **getattr(each, name)} for name in ("shown", "described", "sent")}
        joined = replace(joined, **changed | maps)
    return joined


def as_ticks(moment: datetime) -> datetime:
    ticks = round(moment.microsecond * TICKS_PER_SECOND / 1_000_000)
    return moment.replace(microsecond=0) + timedelta(microseconds=round(ticks * 1_000_000 / TICKS_PER_SECOND))
