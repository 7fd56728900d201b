"""Tests that a sketch finds by which ids sets differ, and recognizes when it cannot."""

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from source_acumatica.reading.key_sketch import (
    DEFAULT_CAPACITY,
    MOST_CAPACITY,
    Difference,
    KeySketch,
    opened,
    sealed,
)

from .ids import ID_SETS, SEEDS, random_ids, sequential_ids

MOST_TEXT_BYTES = 300_000
CAPACITIES = st.sampled_from([1, 2, 60, 200])


def sketch(ids, capacity=DEFAULT_CAPACITY):
    made = KeySketch.empty(capacity)
    made.add_all(ids)
    return made


def difference(here, there):
    """What two sets differ by, found out with the ids at hand."""
    return Difference(sorted({*here} - {*there}), sorted({*there} - {*here}))


@given(ID_SETS, ID_SETS, ID_SETS)
def test_the_ids_that_one_set_has_more_are_found(both, here, there):
    here, there = {*both, *here}, {*both, *there}
    assert sketch(here, 200).minus(sketch(there, 200)) == difference(here, there)


@settings(max_examples=20)
@given(SEEDS, st.integers(0, DEFAULT_CAPACITY), st.integers(0, DEFAULT_CAPACITY), st.booleans())
@example(0, DEFAULT_CAPACITY, DEFAULT_CAPACITY, False)
@example(0, DEFAULT_CAPACITY, 1_000, True)
def test_as_many_differences_as_the_capacity_are_found_in_a_large_set(seed, differing, gone, is_sequential):
    ids = (sequential_ids if is_sequential else random_ids)(10_000, seed)
    random.Random(seed).shuffle(ids)
    gone = min(gone, differing)
    here, there = ids[: len(ids) - differing + gone], ids[gone:]
    assert sketch(here).minus(sketch(there)) == difference(here, there)


@pytest.mark.parametrize("capacity", [1, 2, 5, 30, 300, MOST_CAPACITY])
def test_every_capacity_is_kept(capacity):
    for seed in range(20 if capacity < 1_000 else 2):
        ids = random_ids(capacity, seed)
        assert sketch(ids, capacity).minus(KeySketch.empty(capacity)) == Difference(sorted(ids), [])
        half = capacity // 2
        found = sketch(ids[:half], capacity).minus(sketch(ids[half:], capacity))
        assert found == Difference(sorted(ids[:half]), sorted(ids[half:]))


@given(ID_SETS, CAPACITIES)
def test_a_sketch_does_not_differ_from_itself(ids, capacity):
    assert sketch(ids, capacity).minus(sketch(reversed(ids), capacity)) == Difference([], [])


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(0, 2_000), st.booleans(), st.integers(0, 1000))
def test_more_differences_than_fit_are_recognized(capacity, more, is_sequential, seed):
    ids = (sequential_ids if is_sequential else random_ids)(capacity + more, seed)
    found = sketch(ids, capacity).minus(KeySketch.empty(capacity))
    assert found in (None, Difference(sorted(ids), []))
    if more > 500:
        assert found is None


@pytest.mark.parametrize("make", [random_ids, sequential_ids])
def test_a_set_that_was_exchanged_altogether_is_recognized(make):
    assert sketch(make(20_000)).minus(sketch(make(20_000, 10**6))) is None


@given(ID_SETS, st.integers(2, 300))
def test_an_id_that_is_added_again_and_again_to_one_set_is_recognized(ids, times):
    assume(ids)
    repeated = sketch([*ids, *ids[:1] * (times - 1)], 200)
    assert repeated.minus(sketch(ids[1:], 200)) is None
    assert sketch(ids[1:], 200).minus(repeated) is None
    assert repeated.minus(repeated) == Difference([], [])


def test_an_id_that_is_added_once_more_than_to_the_other_set_counts_as_missing_there():
    """No sums can distinguish this from a set that has the id and one that does not: whoever adds has to see to it."""
    ids = random_ids(100)
    assert sketch([*ids, ids[5]]).minus(sketch(ids)) == Difference([ids[5]], [])


@given(ID_SETS)
def test_ids_are_the_same_in_upper_case_and_without_dashes(ids):
    changed = [each.upper().replace("-", "") for each in ids]
    assert sketch(changed, 200).minus(sketch(ids, 200)) == Difference([], [])
    assert sketch(changed, 200).minus(KeySketch.empty(200)) == Difference(sorted({*ids}), [])


@given(ID_SETS)
def test_one_at_a_time_is_the_same_as_all_together(ids):
    one_by_one = KeySketch.empty(200)
    for each in ids:
        one_by_one.add(each)
    assert one_by_one.as_text() == sketch(ids, 200).as_text()
    assert one_by_one.count == len(ids)


@pytest.mark.parametrize("add", [KeySketch.add, lambda made, wrong: made.add_all([*random_ids(600), wrong])])
def test_what_is_not_a_guid_is_not_taken_in(add):
    with pytest.raises(ValueError, match="'SO000123' is not the id of a record"):
        add(KeySketch.empty(), "SO000123")


@given(ID_SETS, ID_SETS, CAPACITIES)
def test_a_sketch_is_the_same_after_it_was_kept_as_text(here, there, capacity):
    made = sketch(here, capacity)
    text = json.loads(json.dumps(made.as_text()))
    again = KeySketch.of_text(text)
    assert (again.capacity, again.count, again.as_text()) == (capacity, len(here), text)
    assert again.minus(sketch(there, capacity)) == made.minus(sketch(there, capacity))
    again.add_all(there)
    assert again.as_text() == sketch([*here, *there], capacity).as_text()


def test_the_text_stays_under_its_limit_for_any_number_of_ids():
    empty = KeySketch.empty(MOST_CAPACITY)
    full = sketch(sequential_ids(30_000, 2**128 - 30_000), MOST_CAPACITY)
    assert len(empty.as_text()) == len(full.as_text()) <= MOST_TEXT_BYTES
    assert len(KeySketch.empty().as_text()) < MOST_TEXT_BYTES


@pytest.mark.parametrize("capacity", [-1, 0, MOST_CAPACITY + 1])
def test_there_is_no_sketch_without_a_capacity_or_with_one_too_large(capacity):
    with pytest.raises(ValueError, match=f"not {capacity}"):
        KeySketch.empty(capacity)


def test_sketches_of_different_capacities_are_not_subtracted():
    with pytest.raises(ValueError, match="same capacity"):
        KeySketch.empty(100).minus(KeySketch.empty(101))


@given(st.data())
def test_a_damaged_text_is_recognized(data):
    text = sketch(random_ids(5), 1).as_text()
    place = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.text(st.sampled_from("AZaz09+/= \n\N{EURO SIGN}\x00"), max_size=5))
    damaged = text[:place] + instead + text[data.draw(st.integers(place, len(text))) :]
    # The last letter may have bits that mean nothing.
    assume(damaged.rstrip("=")[:-1] != text.rstrip("=")[:-1])
    with pytest.raises(ValueError, match=r".+"):
        KeySketch.of_text(damaged)


@pytest.mark.parametrize("broken", ["", "AA==", "no base64", "A", None, 5, {"a": 1}, ["AAAA"]])
def test_what_is_no_text_of_a_sketch_is_recognized(broken):
    with pytest.raises(ValueError, match=r".+"):
        KeySketch.of_text(broken)


def test_texts_of_other_versions_capacities_and_lengths_are_recognized():
    kind, content = opened(KeySketch.empty(1).as_text())
    for other in (
        sealed(b"\7", content),
        sealed(kind, b""),
        sealed(kind, content[:5]),
        sealed(kind, content[:-1]),
        sealed(kind, content + b"\0"),
        sealed(kind, b"\0\0\0\0" + content[4:]),
        sealed(kind, b"\0\0\0\2" + content[4:]),
        sealed(kind, b"\xff\xff\xff\xff" + content[4:]),
    ):
        with pytest.raises(ValueError, match=r".+"):
            KeySketch.of_text(other)


@given(st.integers(0, 127), st.integers(1, 255), st.integers(0, 24))
def test_a_table_that_does_not_add_up_gives_no_ids(cell, change, byte):
    """Also where the hash over it all has been made again."""
    kind, content = opened(sketch(random_ids(5), 1).as_text())
    changed = bytearray(content)
    place = len(content) - 128 * 25 + cell * 25 + byte
    changed[place] = (changed[place] + change) % 256
    assert KeySketch.of_text(sealed(kind, bytes(changed))).minus(KeySketch.empty(1)) is None


def test_a_text_is_plain_base64():
    text = sketch(random_ids(3)).as_text()
    assert base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
