"""Tests that the records a list has no more are found, whether their ids are held exactly or in a sketch."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from source_acumatica.reading.held_keys import MOST_EXACT_IDS, HeldKeys
from source_acumatica.reading.key_sketch import MOST_CAPACITY, Difference, KeySketch, opened, sealed

from .ids import ID_SETS, random_ids, sequential_ids


def held(ids, capacity=3_000):
    keys = HeldKeys(capacity)
    keys.add_all(ids)
    return keys


@given(ID_SETS, ID_SETS)
def test_few_ids_are_compared_exactly_however_often_they_are_listed(before, now):
    comparison = held(before * 2).compare(iter(now * 3))
    assert comparison.gone == sorted({*before} - {*now})
    assert comparison.listed.as_text() == held(now).as_text()
    assert held(before).minus(held(now)) == Difference(sorted({*before} - {*now}), sorted({*now} - {*before}))


@settings(max_examples=20)
@given(st.integers(0, 6_000), st.integers(0, 1_500), st.integers(0, 1_500))
@example(MOST_EXACT_IDS, 1, 0)
@example(MOST_EXACT_IDS, 0, 1)
@example(MOST_EXACT_IDS + 1, 1, 0)
@example(MOST_EXACT_IDS + 1, 0, 0)
@example(MOST_EXACT_IDS - 1, 0, 1)
def test_it_makes_no_difference_on_which_side_of_the_limit_the_lists_are(count, gone, new):
    ids = random_ids(count + new)
    gone = min(gone, count)
    before, now = ids[:count], ids[gone:]
    comparison = held(before).compare(iter(now))
    assert comparison.gone == sorted(ids[:gone])
    assert comparison.listed.as_text() == held(now).as_text()
    assert held(before).minus(held(now)) == Difference(sorted(ids[:gone]), sorted(ids[count:]))


def test_of_a_few_ids_those_gone_are_found_in_a_list_of_any_length():
    before = random_ids(100)
    now = [*before[3:], *sequential_ids(20_000)]
    comparison = held(before).compare(iter(now))
    assert comparison.gone == sorted(before[:3])
    assert not comparison.listed.is_exact


def test_too_many_gone_are_recognized_and_the_list_is_held_from_then_on():
    before, now = random_ids(20_000), random_ids(6_000, seed=1)
    comparison = held(before).compare(now)
    assert comparison.gone is None
    assert comparison.listed.compare(now[5:]).gone == sorted(now[:5])


@pytest.mark.parametrize("count", [0, 1, MOST_EXACT_IDS, MOST_EXACT_IDS + 1, 9_000])
def test_ids_are_the_same_after_they_were_kept_as_text(count):
    keys = held(random_ids(count), capacity=700)
    again = HeldKeys.of_text(json.loads(json.dumps(keys.as_text())))
    assert (again.as_text(), again.count, again.capacity) == (keys.as_text(), count, 700)
    assert again.is_exact == (count <= MOST_EXACT_IDS)
    more = random_ids(100, seed=1)
    again.add_all(more)
    assert again.as_text() == held([*random_ids(count), *more], capacity=700).as_text()


def test_the_text_stays_under_its_limits():
    assert len(held(random_ids(MOST_EXACT_IDS)).as_text()) <= 100_000
    assert len(held(random_ids(20_000), MOST_CAPACITY).as_text()) <= 300_000


def test_a_list_is_held_with_the_capacity_of_those_it_is_compared_with():
    ids = random_ids(5_000)
    assert held(ids, capacity=50).compare(ids[20:]).listed.capacity == 50


def test_a_sketch_is_compared_with_few_ids_of_any_capacity():
    ids = random_ids(5_000)
    assert held(ids, capacity=2_000).minus(held(ids[1_500:], capacity=1)) == Difference(sorted(ids[:1_500]), [])
    assert held(ids[1_500:], capacity=1).minus(held(ids, capacity=2_000)) == Difference([], sorted(ids[:1_500]))


def test_what_is_not_a_guid_is_not_taken_in():
    for count in (0, 5_000):
        with pytest.raises(ValueError, match="None is not the id of a record"):
            held(random_ids(count)).compare([*random_ids(700), None])


@pytest.mark.parametrize("capacity", [0, MOST_CAPACITY + 1])
def test_no_ids_are_held_for_a_capacity_that_there_is_not(capacity):
    with pytest.raises(ValueError, match=f"not {capacity}"):
        HeldKeys(capacity)


def test_texts_that_hold_no_ids_are_recognized():
    kind, content = opened(held(random_ids(2)).as_text())
    exact = [sealed(kind, content[:-1]), sealed(kind, content[:3]), sealed(kind, b"\0" * 20), sealed(b"\7", content)]
    sketch_kind, _ = opened(KeySketch.empty(1).as_text())
    for broken in (*exact, sealed(sketch_kind, content), "", "AAAA", None, {}):
        with pytest.raises(ValueError, match=r".+"):
            HeldKeys.of_text(broken)


def test_ids_that_are_most_likely_new_hide_none_that_is_gone():
    ids = random_ids(11_000)
    gone, stayed, new = ids[:3], ids[3:10_000], ids[10_000:]
    before, recent = held([*gone, *stayed], capacity=1), HeldKeys(1)

    def read():
        yield from [*stayed, *new]
        recent.add_all(new)

    assert before.compare([*stayed, *new]).gone is None
    comparison = before.compare(read(), recent)
    assert comparison.gone == sorted(gone)
    assert comparison.new == []
    assert comparison.listed.as_text() == held([*stayed, *new], capacity=1).as_text()
