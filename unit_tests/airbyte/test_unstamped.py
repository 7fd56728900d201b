"""Tests when rows without a stamp are looked for, and that the user hears of it where they cannot be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from source_acumatica.airbyte.unstamped import has_unstamped
from source_acumatica.reading.learnt import ALL_STAMPED, REFUSES_NULL


class Facts(set):
    """What is known of a list."""

    has_unstamped = is_first = False
    knows = set.__contains__
    learn = set.add


class Reader:
    """Answers the question for rows without a stamp, and counts how often it is asked."""

    where, asked = "here", 0

    def __init__(self, answer, start_date=None):
        self.answer, self.config = answer, SimpleNamespace(start_date=start_date)

    def has_unstamped(self):
        self.asked += 1
        return self.answer


@pytest.mark.parametrize(("answer", "learnt"), [(True, set()), (False, {ALL_STAMPED}), (None, {REFUSES_NULL})])
def test_an_answer_is_given_and_kept_where_it_saves_the_next_question(answer, learnt):
    facts = Facts()
    assert has_unstamped(Reader(answer), facts, "At") is bool(answer)
    assert facts == learnt


@pytest.mark.parametrize("known", [ALL_STAMPED, REFUSES_NULL])
def test_what_is_known_is_not_asked_again(known):
    reader = Reader(True)
    assert not has_unstamped(reader, Facts({known}), "At")
    assert reader.asked == 0


def test_rows_that_were_seen_weigh_more_than_an_earlier_answer_that_there_are_none():
    facts, reader = Facts({ALL_STAMPED}), Reader(True)
    facts.has_unstamped = True
    assert has_unstamped(reader, facts, "At")
    assert reader.asked == 1


@pytest.mark.parametrize(
    ("were_seen", "is_first", "start_date", "is_told"),
    [
        (True, False, None, True),
        (False, False, None, False),
        (False, True, None, False),
        (False, True, "2026-01-01", True),
        (False, False, "2026-01-01", False),
    ],
)
def test_a_question_that_is_refused_is_told_where_there_are_or_may_be_such_rows(
    were_seen, is_first, start_date, is_told, caplog
):
    facts = Facts()
    facts.has_unstamped, facts.is_first = were_seen, is_first
    assert not has_unstamped(Reader(None, start_date), facts, "At")
    assert ("here: there are rows without a stamp (At)" in caplog.text) is is_told
