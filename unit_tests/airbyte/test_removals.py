"""Tests that what OData hands in for deleted records is what a stream asks for."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError

import pytest

from source_acumatica.airbyte.removals import Removal, RemovalReader, Removals
from source_acumatica.odata.removals import TableRemovals
from source_acumatica.odata.removed_reader import RemovedReader


def members(protocol):
    return {name: each for name, each in vars(protocol).items() if inspect.isfunction(each) and name[0] != "_"}


@pytest.mark.parametrize(("asked", "handed_in"), [(Removals, TableRemovals), (RemovalReader, RemovedReader)])
def test_what_is_handed_in_can_be_asked_in_the_same_way(asked, handed_in):
    """The stream knows nothing of OData, so nothing but this holds the two together at run time."""
    assert members(asked)
    for name, method in members(asked).items():
        expected, found = (inspect.signature(each).parameters for each in (method, getattr(handed_in, name)))
        assert [*found.values()] == [*expected.values()], name


def test_what_a_reader_has_learnt_is_there_before_anything_is_read():
    learnt = RemovalReader.__annotations__
    assert learnt.keys() == {"is_listed", "is_empty", "has_flags", "has_flagged"}
    assert all(hasattr(RemovedReader, name) for name in (*learnt, "kept_days"))


def test_a_removal_is_a_value_whose_time_can_stand_behind_the_row_that_was_sent():
    removal = Removal("1", "2026-11-22T12:00:00.000000Z")
    assert removal.behind is None
    assert removal == Removal("1", "2026-11-22T12:00:00.000000Z", None)
    with pytest.raises(FrozenInstanceError):
        removal.at = ""
