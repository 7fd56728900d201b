"""What may be untrue or go wrong while the ERP is read, each kind with what may come of it: the table of lies.

A kind is switched off by taking its line out, and another one on by adding a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .simulator import DateForm, ErrorPlace, Fault, FaultKind, Lies, ListForm, Simulator
from .simulator.trouble.unknowns import Empty, KeyForm, Literals, Naming, OldCustom, Star

# The requests for rows, of both APIs; single records and descriptions are others.
LISTS = r"(/entity/Default/[\d.]+/\w+[?])|(/(gi|dac)/[^$?/]+[?])"
Begin = Callable[[Simulator, int], object]


@dataclass(frozen=True)
class Weather:
    """What begins in the middle of a sync, strikes `times` or lasts, and is over when the sync is."""

    begin: Begin
    may_fail: bool = True
    """Whether a stream may end as failed. If not, it has to get over it within the sync."""
    most_times: int = 6
    waits_a_day: bool = False
    """Whether what is missed meanwhile may come as late as a day after it is over."""


def _fault(kind: FaultKind, path: str = LISTS, **more: Any) -> Begin:
    return lambda sim, times: sim.faults.add(Fault(kind, path=path, times=times, **more))


def _lasting(kind: FaultKind, path: str = LISTS, **more: Any) -> Begin:
    return lambda sim, _times: sim.faults.add(Fault(kind, path=path, times=10**6, **more))


def _lie(**switches: Any) -> Begin:
    def begin(sim: Simulator, _times: int) -> None:
        sim.lies = (*sim.lies, Lies(**switches))

    return begin


def _clock(**switches: Any) -> Begin:
    def begin(sim: Simulator, _times: int) -> None:
        for name, value in switches.items():
            setattr(sim.clock, name, value)

    return begin


def _any(*texts: str) -> frozenset[str]:
    return frozenset(texts)


HOUR, YEAR = 3600, 366 * 86_400
FAULTS: Mapping[str, Weather] = {
    "500 once or twice": Weather(_fault(FaultKind.STATUS_500), may_fail=False, most_times=2),
    "500 in a row": Weather(_fault(FaultKind.STATUS_500)),
    "empty answers": Weather(_fault(FaultKind.EMPTY_200), may_fail=False, most_times=2),
    "disconnects": Weather(_fault(FaultKind.DISCONNECT), may_fail=False, most_times=3),
    "half of the JSON": Weather(_fault(FaultKind.TRUNCATED_JSON), may_fail=False, most_times=3),
    "web pages": Weather(_fault(FaultKind.HTML_200), may_fail=False, most_times=3),
    "503 in a row": Weather(_fault(FaultKind.STATUS_503), may_fail=False, most_times=4),
    "504 in a row": Weather(_fault(FaultKind.STATUS_504), may_fail=False, most_times=3),
    "too many requests": Weather(_fault(FaultKind.STATUS_429), may_fail=False, most_times=4),
    "a session ends": Weather(_fault(FaultKind.SESSION_DROPPED), may_fail=False, most_times=1),
    "a token ends": Weather(_fault(FaultKind.TOKEN_DROPPED), may_fail=False, most_times=1),
    "custom fields fail for a while": Weather(_fault(FaultKind.STATUS_500, "adHocSchema"), most_times=3),
    "single records fail for a while": Weather(_fault(FaultKind.STATUS_500, r"/Default/[\d.]+/\w+/[^$]"), most_times=3),
    "504 for pages over a size": Weather(_lasting(FaultKind.STATUS_504, over_rows=3), may_fail=False),
    "502 for pages over a size": Weather(_lasting(FaultKind.STATUS_502, over_rows=3), may_fail=False),
    "511 for pages over a size": Weather(_lasting(FaultKind.STATUS_502, over_rows=3, status=511), may_fail=False),
    "524 for pages over a size": Weather(_lasting(FaultKind.STATUS_502, over_rows=3, status=524), may_fail=False),
    "500 for good": Weather(_lasting(FaultKind.STATUS_500)),
    "custom fields fail for good": Weather(_lasting(FaultKind.STATUS_500, "adHocSchema")),
    "flags of deleted rows are refused": Weather(_lasting(FaultKind.STATUS_500, "DeletedDatabaseRecord")),
    "deletions are refused": Weather(_lasting(FaultKind.STATUS_500, "GetDeletedRecords"), waits_a_day=True),
}
LIES: Mapping[str, Weather] = {
    "a cap of three rows": Weather(_lie(most_rows=3), may_fail=False),
    "short pages": Weather(_lie(short_by=1), may_fail=False),
    "$top is not looked at": Weather(_lie(ignores_top=True)),
    "rows repeat within a page": Weather(_lie(repeats=1)),
    # An inquiry whose join doubles a row shows two: that is what it holds.
    "a row comes twice": Weather(_lie(only="^(?!.*(/gi/|/odata/))", doubled=_any("C000003", "000003"))),
    "the order changes": Weather(_lie(reordered=1)),
    "a poisoned row": Weather(_lie(poison=_any("C000003", "000003"))),
    "an error beside the rows": Weather(_lie(error=ErrorPlace.BESIDE)),
    "an error among the rows": Weather(_lie(error=ErrorPlace.AMONG)),
    "an object for a list": Weather(_lie(form=ListForm.OBJECT)),
    "a list within an object": Weather(_lie(form=ListForm.WRAPPED)),
    "parts are missing": Weather(_lie(missing=_any("Details", "Contacts", "MainContact", "PrimaryContact"))),
    "parts are missing everywhere": Weather(_lie(missing=_any("Details", "MainContact"), is_missing_alone=True)),
    "lists empty parts": Weather(_lie(emptied=_any("Details", "Contacts"))),
    "lists empty objects": Weather(_lie(emptied=_any("MainContact", "PrimaryContact"))),
    "lists empty custom fields": Weather(_lie(emptied=_any("custom"))),
    "a custom field is refused": Weather(_lie(refused_customs=_any("BAccount.UsrRegion", "Document.UsrPriority"))),
    "too many custom fields": Weather(_lie(most_customs=1), waits_a_day=True),
    "filters by time find nothing": Weather(_lie(blind=True), waits_a_day=True),
    "filters are not looked at": Weather(_lie(deaf=True)),
    "null is refused in filters": Weather(_lie(null_filters=False), waits_a_day=True),
    "rights are taken away": Weather(_lie(only="Customer", forbidden=True)),
    "not set up in mid-list": Weather(_lie(only=r"[$]skip=[1-9]", not_set_up=True)),
    "instants compare a millisecond later": Weather(_lie(compared_later=timedelta(milliseconds=1)), waits_a_day=True),
}
CLOCKS: Mapping[str, Weather] = {
    "the web server is an hour ahead": Weather(_clock(web_server_ahead_seconds=HOUR), may_fail=False, waits_a_day=True),
    "the web server is a year ahead": Weather(_clock(web_server_ahead_seconds=YEAR), may_fail=False, waits_a_day=True),
    "the web server is an hour behind": Weather(
        _clock(web_server_ahead_seconds=-HOUR), may_fail=False, waits_a_day=True
    ),
    "the database is an hour ahead": Weather(_clock(database_ahead_seconds=HOUR), may_fail=False, waits_a_day=True),
    "the database is an hour behind": Weather(_clock(database_ahead_seconds=-HOUR), may_fail=False, waits_a_day=True),
    **{
        f"the date is {form.value}": Weather(_clock(date_form=form), may_fail=False, waits_a_day=True)
        for form in DateForm
        if form is not DateForm.USUAL
    },
}
WEATHER = {**FAULTS, **LIES, **CLOCKS}


@dataclass(frozen=True)
class Site:
    """What is so from the first sync to the last; `fails`: the streams that may fail because of it, in dedup alone."""

    lies: Lies = field(default_factory=Lies)
    may_fail: frozenset[str] = frozenset()
    tracks: bool = True


SITES: Mapping[str, Site] = {
    "honest": Site(),
    "hides rows": Site(Lies(hidden=_any("C000002", "C000005"))),
    "a cap": Site(Lies(most_rows=3)),
    "short pages": Site(Lies(short_by=1)),
    "ticks": Site(Lies(ticks=True)),
    "compares later": Site(Lies(compared_later=timedelta(microseconds=700))),
    "compares earlier": Site(Lies(compared_later=timedelta(microseconds=-700))),
    "refuses null": Site(Lies(null_filters=False)),
    "accepts null": Site(Lies(null_filters=True)),
    "null keys": Site(
        Lies(shown={"SOLine.NoteID": lambda row, cell: None if row.line_number == 1 else cell}), _any("dac__SOLine")
    ),
    "keys repeat": Site(
        Lies(shown={"GL-Transactions.LineNbr": lambda row, cell: 1 if row.handle > 2 else cell}),
        _any("gi__GL-Transactions"),
    ),
    "keys repeat in any order": Site(
        Lies(shown={"GL-Transactions.LineNbr": lambda row, cell: 1}, unordered=True), _any("gi__GL-Transactions")
    ),
    "unstable ids": Site(Lies(unstable_ids=True), tracks=False),
}


NO_STAR: dict[str, Any] = {"star": Star.IGNORED, "nested_star": Star.IGNORED}
REFUSED_STAR: dict[str, Any] = {"star": Star.REFUSED, "nested_star": Star.REFUSED}
# What nobody knows of contract 5, each with its sides; none of them changes what the records hold.
CONTRACT_5: Mapping[str, Lies] = {
    "an endpoint as it is documented": Lies(),
    "keys are addressed by labels": Lies(key_form=KeyForm.LABEL),
    "$custom works and * is ignored": Lies(old_custom=OldCustom.HONOURED, star=Star.IGNORED, nested_star=Star.IGNORED),
    "$custom works and * is refused": Lies(old_custom=OldCustom.HONOURED, star=Star.REFUSED, nested_star=Star.REFUSED),
    "$custom is refused and * is ignored": Lies(
        old_custom=OldCustom.REFUSED, star=Star.IGNORED, nested_star=Star.IGNORED
    ),
    "* is ignored in parts alone": Lies(nested_star=Star.IGNORED),
    "parts have to be selected": Lies(naming=Naming.NEEDED),
    "parts may not be selected": Lies(naming=Naming.REFUSED),
    "parts have to be selected and * is refused": Lies(
        naming=Naming.NEEDED, star=Star.REFUSED, nested_star=Star.REFUSED
    ),
    "literals have their types": Lies(literals=Literals.TYPED),
    "literals have their types and a mistake is a 500": Lies(literals=Literals.TYPED, unparsed_status=500),
    "empty fields are null": Lies(empty=Empty.NULL),
    "empty fields have null for a value": Lies(empty=Empty.VALUE, null_errors=True),
    "links are described by references alone": Lies(plain_references=True),
}


def clear_up(sim: Simulator, site: Site) -> None:
    """The weather is over; what the site is, it stays."""
    sim.lies = site.lies
    sim.faults.clear()
    sim.clock.web_server_ahead_seconds = sim.clock.database_ahead_seconds = 0.0
    sim.clock.date_form = DateForm.USUAL
