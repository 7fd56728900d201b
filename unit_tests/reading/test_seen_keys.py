"""Tests that an id which was seen is known, and hardly any other."""

from __future__ import annotations

import pytest
from hypothesis import given

from source_acumatica.reading.seen_keys import SeenKeys

from .ids import ID_SETS, random_ids


@given(ID_SETS, ID_SETS)
def test_an_id_that_was_seen_is_never_taken_for_a_new_one(seen, others):
    keys = SeenKeys()
    keys.add_all(seen)
    assert keys.unseen([each.upper() for each in seen]) == []
    assert {*keys.unseen(others)} == {*others} - {*seen}


def test_of_many_others_hardly_any_is_taken_for_one_that_was_seen():
    ids, keys = random_ids(60_000), SeenKeys()
    keys.add_all(ids[:30_000])
    assert len(keys.unseen(ids[30_000:])) >= 29_999


def test_what_is_no_id_is_refused():
    with pytest.raises(ValueError, match="not the id of a record"):
        SeenKeys().add_all(["x"])
