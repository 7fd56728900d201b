"""Tests that what has come is missed when it comes no more, whether it was kept by its name or shorter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.kept_names import missed, outermost, places, remembered, unknown

FEW = tuple(f"Column{number}" for number in range(20))
MANY = tuple(f"AColumnOfALongTable{number}" for number in range(1000))


@pytest.mark.parametrize("names", [FEW, MANY], ids=["few", "many"])
def test_a_name_that_comes_no_more_is_missed(names):
    known = remembered((), names)
    assert missed(known, names, (), "some") == []
    assert missed(known, names[1:], names[:1], "some") == [names[0]]


def test_a_name_that_was_too_much_to_keep_and_is_not_known_is_missed_as_a_whole():
    assert missed(remembered((), MANY), MANY[2:], (), "custom") == ["custom"]


@pytest.mark.parametrize("names", [FEW, MANY], ids=["as they are", "as hashes"])
def test_a_name_that_never_came_is_unknown(names):
    assert unknown(remembered((), names[1:]), names) == [names[0]]


def test_names_take_few_characters_however_many_they_are():
    assert remembered((), FEW) == tuple(sorted(FEW))
    assert sum(map(len, remembered((), MANY))) == 9 * len(MANY)


@given(st.lists(st.lists(st.sampled_from((*FEW, *MANY)))))
def test_what_was_remembered_stays_so(parts):
    known, all_ = (), set()
    for names in parts:
        known = remembered(known, names)
        all_ |= {*names}
        assert missed(known, all_, (), "some") == []
        assert {*missed(known, (), all_, "some")} == all_


def test_what_lies_in_a_column_has_a_place_of_its_own():
    address = {"type": ["null", "object"], "properties": {"City": {"type": "string"}}}
    found = list(places({"Name": {"type": "string"}, "Address": address, "custom": {"additionalProperties": {}}}))
    assert found == ["Name", "Address", "Address.City", "custom"]
    assert outermost(["Address", "Address.City", "AddressLine"]) == ["Address", "AddressLine"]
