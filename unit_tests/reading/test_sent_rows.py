"""Tests that the rows which were sent are recognized, where they are and where they have moved."""

from __future__ import annotations

from source_acumatica.reading import sent_rows as module
from source_acumatica.reading.sent_rows import RecentRows, SentMarks, content_of


def rows(text):
    return [(letter,) for letter in text]


def test_the_oldest_rows_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED_ROWS", 3)
    recent = RecentRows(rows("abcd"))
    assert len(recent) == 3
    assert not recent.knows(("a",))
    assert recent.end(2) == (("c",), ("d",))


def test_a_row_that_came_twice_accounts_for_two_rows():
    recent = RecentRows(rows("aab"))
    assert recent.unsent(rows("aaab")) == [2]
    assert recent.unknown(rows("aaax")) == [3]
    assert recent.has_like(rows("a"))
    assert not recent.has_like(rows("b"))


def test_a_row_with_another_version_has_moved():
    recent = RecentRows([("a", "1"), ("b", "1")])
    assert recent.is_unmoved(("a", "1"))
    assert recent.knows(("a", "2"))
    assert not recent.is_unmoved(("a", "2"))
    assert recent.numbers([("b", "1"), ("a", "2"), ("c", "1")]) == [1, None, None]
    recent.note([("a", "2")])
    assert recent.is_unmoved(("a", "2"))


def test_new_rows_are_inserted_where_the_page_has_them():
    recent = RecentRows(rows("abd"))
    recent.insert(rows("bcd"), [1])
    assert recent.end(4) == tuple(rows("abcd"))


def test_equal_rows_at_the_end_are_counted():
    recent = RecentRows(rows("abbb"))
    assert (recent.equal_at_end(2), recent.equal_at_end(9)) == (2, 3)
    assert recent.has_its_likes_at_the_end(3)
    assert not RecentRows(rows("babb")).has_its_likes_at_the_end(3)


def test_a_list_that_is_read_again_sends_only_what_was_not_sent():
    sent_marks = SentMarks()
    assert sent_marks.unsent(rows("ab"), [0, 1]) == [0, 1]
    sent_marks.add(rows("ab"))
    sent_marks.begin_again()
    assert sent_marks.unsent(rows("bcab"), [0, 1, 2, 3]) == [1, 3]


def test_a_row_that_was_sent_more_often_than_the_list_has_it_is_noticed():
    sent_marks = SentMarks()
    sent_marks.add(rows("aab"))
    sent_marks.begin_again()
    sent_marks.unsent(rows("a"), [0])
    assert sent_marks.has_sent_too_often()
    gone = SentMarks()
    gone.add(rows("ab"))
    gone.begin_again()
    gone.unsent(rows("a"), [0])
    assert not gone.has_sent_too_often(), "b is gone from the list"


def test_equal_values_have_one_hash():
    assert content_of({"a": 1}) == content_of({"a": 1}) != content_of({"a": 2})
    assert len(content_of({})) == 32
