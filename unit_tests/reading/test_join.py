"""Tests of what a join of two streams is known by."""

from __future__ import annotations

from source_acumatica.reading.join import Join


def test_two_joins_of_the_same_columns_are_one_however_they_are_known():
    one, other = (Join("Lines", ("Nbr",), "Orders", ("OrderNbr",), source) for source in ("known key", "link"))
    assert one.place == other.place
    assert one.place != Join("Lines", ("Nbr",), "Orders", ("id",), "link").place
