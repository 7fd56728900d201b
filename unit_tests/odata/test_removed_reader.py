"""Tests that deleted records are read from the ERP's list and its flags, and that the log says what may be missing."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from source_acumatica.airbyte.removals import Removal
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.deletions import NoFlagsError, NotTrackedError
from source_acumatica.odata.removed_reader import RemovedReader
from source_acumatica.odata.tracking import History
from source_acumatica.reading.progress import Progress
from unit_tests.odata.table_service import NOON, PASSING, T0900, T1000, T1100

FLAGGED, LISTED = Removal("flagged", T1000), Removal("listed", T1000)
TRACKED = History({"order": T0900}, 30)
FAILURE = RequestFailed(PASSING, "here")


@pytest.fixture(autouse=True)
def _all_levels(caplog):
    caplog.set_level(logging.INFO, "airbyte")


def giving(found):
    def pages(*_since):
        for each in found:
            if isinstance(each, type | Exception):
                raise each
            yield [each]

    return pages


def reader(flags=(FLAGGED,), listed=(LISTED,), history=TRACKED, was=None, *, has_entries=True, **known):
    deletions = SimpleNamespace(
        where="here",
        sets=("PX_Order", "Order"),
        flagged=giving(flags),
        listed=giving(listed),
        has_entries=lambda: has_entries,
    )
    return RemovedReader(deletions, history, was or Progress(), NOON, **known)


def ids(of):
    return [removal.id for page in of.removals(T0900) for removal in page]


def test_both_places_are_read_and_what_they_have_shown_is_known(caplog):
    both = reader()
    assert ids(both) == ["flagged", "listed"]
    assert (both.is_listed, both.is_empty, both.has_flags, both.has_flagged) == (True, False, True, True)
    assert caplog.text == ""


def test_flags_are_not_asked_for_where_the_table_is_known_to_have_none():
    only_list = reader(may_have_flags=False)
    assert ids(only_list) == ["listed"]
    assert only_list.has_flags is None


def test_a_table_without_flags_is_known_to_have_none():
    without = reader(flags=[NoFlagsError()])
    assert ids(without) == ["listed"]
    assert without.has_flags is False


def test_where_one_place_fails_the_other_is_read_and_the_log_says_what_is_not(caplog):
    assert ids(reader(flags=[FLAGGED, FAILURE])) == ["flagged", "listed"]
    assert "here: no answer. Deleted rows that the table only flags are not read; all others are." in caplog.text
    cut = reader(listed=[LISTED, FAILURE])
    assert ids(cut) == ["flagged", "listed"]
    assert not cut.is_listed, "the position must not move past what was not read"
    assert "here: no answer. Deleted records are not read; all others are." in caplog.text


@pytest.mark.parametrize("place", ["flags", "listed"])
def test_the_end_of_the_run_ends_reading_too(place):
    with pytest.raises(PoolClosed):
        ids(reader(**{place: [PoolClosed()]}))


def test_an_empty_list_is_believed_only_of_a_table_that_is_known_to_be_tracked():
    assert_listed = {"listed": (), "has_entries": False}
    known, unknown = reader(**assert_listed), reader(history=History(), **assert_listed)
    assert ids(known) == ids(unknown) == ["flagged"]
    assert (known.is_listed, unknown.is_listed) == (True, False)
    earlier = reader(listed=(), history=History(), has_entries=True)
    ids(earlier)
    assert earlier.is_listed, "it has listed deletions before the position"


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"is_compared": True}, "are not tracked; comparing keys finds them. (no)"),
        ({}, "no, though Order is listed on Tables to Track Deleted Records (SM207010). Deleted records are not read"),
        ({"history": History()}, ""),
        ({"history": History(), "flags": ()}, "no row has come that is flagged as deleted"),
        ({"history": History(), "flags": (), "is_header_known": True}, ""),
        ({"history": History({}), "flags": [NoFlagsError()]}, "are not tracked: list the table on"),
    ],
    ids=str,
)
def test_what_an_untracked_table_loses_is_said_once(how, sentence, caplog):
    ids(reader(listed=[NotTrackedError("no")], **how))
    assert sentence in caplog.text
    assert len(caplog.records) == bool(sentence)


def test_an_empty_list_where_nothing_is_known_of_tracking_is_only_a_doubt(caplog):
    ids(reader(flags=[NoFlagsError()], listed=(), history=History(), has_entries=False))
    assert "deleted records of Order may not be tracked" in caplog.text


@pytest.mark.parametrize(
    ("was", "closes_gap", "level"),
    [
        (Progress(), False, None),
        (Progress(reached=T1000, deletions=T1000), False, None),
        (Progress(reached=T0900, deletions="2026-11-22T08:00:00.000000Z"), False, logging.WARNING),
        (Progress(reached=T0900, deletions="2026-11-22T08:00:00.000000Z"), True, logging.INFO),
        (Progress(reached=T0900, deletions="2026-11-22T08:00:00.000000Z", deletions_asked=T1100), False, None),
        (Progress(reached=T0900), False, logging.WARNING),
    ],
    ids=["first read", "no gap", "gap", "gap that comparing closes", "asked since", "rows without deletions"],
)
def test_a_gap_in_the_list_is_told_to_who_has_rows_already(was, closes_gap, level, caplog):
    ids(reader(was=was, closes_gap=closes_gap))
    assert [record.levelno for record in caplog.records] == ([level] if level else [])


def test_a_list_that_could_not_be_read_has_no_gap_to_be_told_of(caplog):
    ids(reader(listed=[FAILURE], was=Progress(reached=T0900)))
    assert "refresh this stream" not in caplog.text
