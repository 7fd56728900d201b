"""Tests that the rows which were sent are recognized, where they are and where they have moved."""

from __future__ import annotations

from source_acumatica.reading import trail as module
from source_acumatica.reading.trail import Ledger, Trail, content_of


def rows(text):
    return [(letter,) for letter in text]


def test_the_oldest_rows_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED_ROWS", 3)
    trail = Trail(rows("abcd"))
    assert len(trail) == 3
    assert not trail.knows(("a",))
    assert trail.end(2) == (("c",), ("d",))


def test_a_row_that_came_twice_accounts_for_two_rows():
    trail = Trail(rows("aab"))
    assert trail.unsent(rows("aaab")) == [2]
    assert trail.unknown(rows("aaax")) == [3]
    assert trail.has_like(rows("a"))
    assert not trail.has_like(rows("b"))


def test_a_row_with_another_version_has_moved():
    trail = Trail([("a", "1"), ("b", "1")])
    assert trail.is_unmoved(("a", "1"))
    assert trail.knows(("a", "2"))
    assert not trail.is_unmoved(("a", "2"))
    assert trail.numbers([("b", "1"), ("a", "2"), ("c", "1")]) == [1, None, None]
    trail.note([("a", "2")])
    assert trail.is_unmoved(("a", "2"))


def test_new_rows_are_inserted_where_the_page_has_them():
    trail = Trail(rows("abd"))
    trail.insert(rows("bcd"), [1])
    assert trail.end(4) == tuple(rows("abcd"))


def test_equal_rows_at_the_end_are_counted():
    trail = Trail(rows("abbb"))
    assert (trail.equal_at_end(2), trail.equal_at_end(9)) == (2, 3)
    assert trail.has_its_likes_at_the_end(3)
    assert not Trail(rows("babb")).has_its_likes_at_the_end(3)


def test_a_list_that_is_read_again_sends_only_what_was_not_sent():
    ledger = Ledger()
    assert ledger.unsent(rows("ab"), [0, 1]) == [0, 1]
    ledger.add(rows("ab"))
    ledger.begin_again()
    assert ledger.unsent(rows("bcab"), [0, 1, 2, 3]) == [1, 3]


def test_a_row_that_was_sent_more_often_than_the_list_has_it_is_noticed():
    ledger = Ledger()
    ledger.add(rows("aab"))
    ledger.begin_again()
    ledger.unsent(rows("a"), [0])
    assert ledger.has_sent_too_often()
    gone = Ledger()
    gone.add(rows("ab"))
    gone.begin_again()
    gone.unsent(rows("a"), [0])
    assert not gone.has_sent_too_often(), "b is gone from the list"


def test_equal_values_have_one_hash():
    assert content_of({"a": 1}) == content_of({"a": 1}) != content_of({"a": 2})
    assert len(content_of({})) == 32
