from dataclasses import replace
from itertools import islice
from uuid import UUID

import pytest

from source_acumatica.airbyte import known_keys
from source_acumatica.airbyte.dependent_rows import with_brought
from source_acumatica.airbyte.known_keys import KnownKeys
from source_acumatica.reading import held_keys
from source_acumatica.reading.held_keys import HeldKeys
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.seen_keys import SeenKeys

A, B, C, D = (str(UUID(int=number)) for number in range(1, 5))


def holding(*ids):
    held = HeldKeys()
    held.add_all(ids)
    return KnownKeys(held)


def ids_of(held):
    return sorted(held.minus(HeldKeys()).only_here)


@pytest.fixture
def large(monkeypatch):
    """As if a table of two rows were too large to keep its ids."""
    monkeypatch.setattr(held_keys, "MOST_EXACT_IDS", 1)


def test_a_row_that_is_held_is_not_noted_as_sent():
    known = holding(A)
    known.send([A, B])
    assert known.sent == {B}


def test_of_a_large_table_every_sent_row_is_noted(large):
    known = holding(A, B)
    known.send([A, C])
    assert known.sent == {A, C}


def test_a_row_that_was_listed_in_this_run_is_not_noted_unless_it_was_expected(large):
    seen = SeenKeys()
    seen.add_all([A, B, C])
    known = KnownKeys(holding(A, B, C).held, seen=seen)
    known.expect([C])
    assert ids_of(known.held) == [A, B]
    known.send([A, C, D])
    assert known.sent == {D}
    assert ids_of(known.held) == [A, B, C], "it was listed, and is sent now"
    assert HeldKeys.of_text(known.since()["held"]).count == 3
    assert "held" not in known.since()


def test_more_rows_than_are_told_one_by_one_are_about_to_come_and_stay_held(monkeypatch):
    monkeypatch.setattr(known_keys, "_MOST_EXPECTED", 1)
    known = holding(A, B, C)
    known.expect([B, C])
    assert ids_of(known.held) == [A, B, C]


def test_removed_rows_are_held_no_longer():
    known = holding(A, B)
    known.send([C])
    assert known.remove([A])
    assert (ids_of(known.held), known.sent, known.removed) == ([B], {C}, set())


def test_removed_rows_of_a_large_table_are_noted(large):
    known = holding(A, B)
    known.send([C])
    later = KnownKeys.of_state(Progress(**known.as_state()))
    assert not later.remove([A, C])
    assert (later.sent, later.removed) == (set(), {A, C})


@pytest.mark.parametrize("is_large", [False, True])
def test_a_row_that_came_and_was_listed_as_deleted_in_one_run_stays_known(is_large, monkeypatch):
    monkeypatch.setattr(held_keys, "MOST_EXACT_IDS", 1 if is_large else 9)
    known = holding(A, B)
    known.send([A])
    assert not known.remove([A])
    assert ids_of(known.held) == [A, B]
    assert known.removed == set()


def test_a_row_that_comes_back_is_not_among_the_removed(large):
    known = holding(A, B)
    known.remove([A])
    known.send([A])
    assert known.removed == set()


def test_where_too_many_were_sent_to_know_which_have_come_back_none_is_taken_for_removed(monkeypatch):
    monkeypatch.setattr(known_keys, "_MOST_SENT_NOW", 1)
    known = holding(A, B)
    known.send([C])
    assert not known.remove([A])
    assert ids_of(known.held) == [A, B]


def test_of_removed_rows_a_bounded_number_is_noted(large, monkeypatch):
    monkeypatch.setattr(known_keys, "_MOST_REMOVED", 1)
    known = holding(A, B)
    known.remove([A])
    known.remove([B, C])
    assert known.removed == {A}


def test_what_was_sent_can_be_held_where_ids_are_exact():
    known = holding(A)
    known.send([B])
    known.fold()
    assert (ids_of(known.held), known.sent) == ([A, B], set())


def test_a_state_brings_back_what_was_known():
    known = replace(holding(A), sent={B}, removed={C})
    again = KnownKeys.of_state(Progress(**known.as_state()))
    assert (ids_of(again.held), again.sent, again.removed) == ([A], {B}, {C})


def test_nothing_is_known_of_an_earlier_state():
    assert KnownKeys.of_state(Progress()).is_empty


def test_a_full_state_has_at_most_300_kilobytes():
    ids = (str(UUID(int=number << 64 | number)) for number in range(1, 20_000))
    known = holding(*islice(ids, 9_000))
    known.sent, known.removed = set(islice(ids, 2_000)), set(islice(ids, 500))
    brought = with_brought("here", {}, "2026-11-30T00:00:00.000000Z", list(islice(ids, 300)))
    brought = with_brought("here", brought, "2026-12-01T00:00:00.000000Z", list(islice(ids, 300)))
    assert len(brought) == 2
    assert sum(map(len, [*known.as_state().values(), *brought.values()])) < 300_000
