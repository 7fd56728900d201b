"""Tests that samples are taken all over a page, and all over the list behind it."""

from __future__ import annotations

import pytest

from source_acumatica.contract.samples import NextPlaces, spread


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 34, 500, 5000])
def test_samples_are_different_rows_all_over_a_page(count):
    places = spread(count, 10)
    assert len({*places}) == len(places) == min(count, 10)
    assert {0, count - 1, count // 2} <= {*places} <= {*range(count)}


@pytest.mark.parametrize("every", [2, 3, 4, 5, 7])
def test_samples_fall_on_no_even_pattern(every):
    for first in range(every):
        assert any(place % every == first for place in (*spread(100, 10), *spread(500, 10)))


@pytest.mark.parametrize("count", [4, 34, 1000, 100_000])
def test_further_places_are_all_over_the_list(count):
    following, places = NextPlaces(3), []
    for _ in range(30):
        places.append(following.next())
        following.found(places[-1] < count)
    found = {place for place in places if place < count}
    assert len(places) - len([place for place in places if place < count]) <= 1
    assert max(found) >= count // 2
    assert len(found) >= min(count // 4, 20)
