"""Tests that a window survives its way through the state."""

from __future__ import annotations

import json

from hypothesis import given

from source_acumatica.reading.paging import BEGINNING, Position
from source_acumatica.reading.window import Window
from unit_tests.reading.states import (
    HALFWAY,
    T1200,
    WINDOWS,
)


@given(WINDOWS)
def test_a_window_survives_the_state(window):
    assert Window.of_state(json.loads(json.dumps(window.as_state()))) == window


def test_an_empty_window_is_everything_from_the_beginning():
    assert Window.of_state({}) == Window(None, None, BEGINNING)


def test_a_place_in_a_table_survives_the_state():
    window = Window(None, T1200, Position(7, after=(None, "SO", 3), list_name="all, keyset: A,B,C"))
    assert Window.of_state(json.loads(json.dumps(window.as_state()))) == window
    assert "after" not in Window(None, T1200, HALFWAY).as_state()
