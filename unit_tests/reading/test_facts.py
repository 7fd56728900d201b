"""Tests what is known about a tenant's list, and that a full refresh keeps none of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.learnt import EMPTIES_PARTS, FILTER_WORKS, GIVES_ALL_AGAIN, HIDES_NOTHING, HIDES_ROWS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T1000 = "2026-11-22T10:00:00.000000Z"


def facts(now=NOON, **part):
    state = {"states": [{"partition": {"tenant": "A"}, "cursor": {"M": T1000}, **part}]}
    cursor = TenantCursor("M", ["A"], state, lambda _state: None)
    return TenantFacts(cursor, "A", lambda: now), lambda: cursor.progress("A")


def test_what_is_learnt_is_believed_for_a_day_and_remembered_for_longer():
    one, progress = facts()
    one.learn(FILTER_WORKS)
    assert one.knows(FILTER_WORKS)
    assert one.is_fresh(FILTER_WORKS)
    later, _ = facts(NOON + timedelta(days=2), **progress().learnt)
    assert not later.knows(FILTER_WORKS)
    assert later.remembers(FILTER_WORKS)
    one.forget(FILTER_WORKS)
    assert not one.remembers(FILTER_WORKS)


def test_a_full_refresh_keeps_nothing():
    one = TenantFacts(None, "A", lambda: NOON)
    one.learn(FILTER_WORKS)
    one.lacks(["Terms"])
    assert not one.knows(FILTER_WORKS)
    assert one.is_fresh(FILTER_WORKS)
    assert one.left_out is None
    assert one.is_first


def test_columns_in_doubt_are_lacking_until_the_list_has_shown_them():
    one, progress = facts(newest=T1000)
    one.doubts(["Terms", "Tax"])
    assert progress().left_out == ("Terms", "Tax")
    one.doubts_no_more(but=["Tax"])
    assert progress().left_out == ("Tax",)


def test_once_the_list_gives_what_rows_lack_all_are_read_again():
    one, progress = facts(left_out=["Terms"], files={T1000: "AAAAAAAA"})
    one.begin_again([])
    assert (progress().reached, progress().left_out, progress().files) == (None, (), {})
    assert one.knows(GIVES_ALL_AGAIN)


def test_a_custom_field_that_is_new_is_lacking_in_the_rows_before():
    one, progress = facts(columns=["Id"], custom=["custom.A"])
    one.gives(["Id"], ["custom.A", "custom.B"])
    assert progress().left_out == ("custom.B",)
    assert progress().custom == ("custom.A", "custom.B")
    assert one.new_custom(["custom.B"]) == []
    assert one.missed_custom(["custom.A"]) == ["custom.B"]


def test_a_column_that_has_come_and_is_not_described_any_more_is_missed():
    one, _ = facts(columns=["Contact", "Contact.Email", "Id"])
    assert one.missed_columns(["Id"], ["Id", "Contact", "Contact.Email"]) == ["Contact"]
    assert one.missed_columns(["Id"], ["Id"]) == [], "the user has deselected it"


@pytest.mark.parametrize(("reads_again", "reached"), [(True, None), (False, T1000)])
def test_a_list_that_leaves_values_out_is_not_trusted(reads_again, reached):
    one, progress = facts(files={T1000: "AAAAAAAA"})
    one.distrusts_list(reads_again=reads_again)
    assert progress().reached == reached
    assert bool(progress().files) == (not reads_again)
    assert one.knows(EMPTIES_PARTS)


def test_a_list_that_has_hidden_rows_once_is_not_believed_to_hide_none_by_a_short_reading():
    one, _ = facts()
    hiding, short = EndProbes(), EndProbes()
    hiding.hides_rows = True
    one.saw_behind(hiding)
    one.saw_behind(short)
    assert one.remembers(HIDES_ROWS)
    assert not one.knows(HIDES_NOTHING)
    short.rows = 1000
    one.saw_behind(short)
    assert not one.remembers(HIDES_ROWS)
    assert one.knows(HIDES_NOTHING)


def test_rows_have_come_before_if_the_state_says_so():
    assert facts()[0].has_rows
    assert not facts()[0].is_first
    again, _ = facts(cursor={}, columns=["Id"])
    assert (again.has_rows, again.had_rows) == (False, True)
