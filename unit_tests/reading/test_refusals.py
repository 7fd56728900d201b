"""Tests the search for what is refused among many things that are asked for together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading import refusals
from source_acumatica.reading.refusals import SearchTooLongError, refused

NAMES = tuple(f"V.F{number:03d}" for number in range(100))


@given(st.sets(st.sampled_from(NAMES), max_size=4))
def test_up_to_four_refused_of_a_hundred_are_found(bad):
    assert refused(NAMES, lambda some: bad.isdisjoint(some)) == sorted(bad)


@given(st.integers(4, 99))
def test_where_they_fail_by_their_number_none_is_refused(most):
    assert refused(NAMES, lambda some: len(some) <= most) == []


def test_what_was_refused_before_is_asked_for_first():
    asked = []

    def works(some):
        asked.append(some)
        return "V.F042" not in some

    assert refused(NAMES, works, ["V.F042", "V.Gone"]) == ["V.F042"]
    assert asked == [("V.F042",), tuple(name for name in NAMES if name != "V.F042")]


def test_a_search_ends_that_finds_everything_refused():
    asked = []
    with pytest.raises(SearchTooLongError):
        refused(NAMES, asked.append)
    assert len(asked) == 64


def test_a_search_ends_that_takes_too_long(monkeypatch):
    clock = iter(range(0, 10_000, 60))
    monkeypatch.setattr(refusals.time, "monotonic", lambda: next(clock))
    asked = []
    with pytest.raises(SearchTooLongError):
        refused(NAMES, asked.append)
    assert len(asked) == 5
