"""Tests that what may be learnt has names that states of all versions can share."""

from __future__ import annotations

import re
from pathlib import Path

from source_acumatica.reading import learnt
from source_acumatica.reading.learnt import LEARNT
from unit_tests.reading.states import T0900, Recorded

NAMES = {name: value for name, value in vars(learnt).items() if name.isupper() and isinstance(value, str)}


def test_each_name_is_in_the_list_of_all_once():
    assert sorted(NAMES.values()) == sorted(LEARNT)
    assert len({*LEARNT}) == len(LEARNT)


def test_a_name_says_the_same_in_code_and_in_states():
    assert {name.lower(): value for name, value in NAMES.items()} == {value: value for value in NAMES.values()}


def test_whatever_is_learnt_outlasts_a_state():
    recorded = Recorded(["A"])
    recorded.cursor.note("A", dict.fromkeys(LEARNT, T0900))
    recorded.cursor.ensure_at_least_one_state_emitted()
    assert recorded.again(["A"]).cursor.progress("A").learnt == dict.fromkeys(LEARNT, T0900)


def test_each_name_is_used():
    package = Path(learnt.__file__).parents[1]
    texts = "".join(path.read_text() for path in package.rglob("*.py") if path.name != "learnt.py")
    assert [name for name in NAMES if not re.search(rf"\b{name}\b", texts)] == []
