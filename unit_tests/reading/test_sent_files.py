"""Tests that a file is known by its stamp and its mark for as long as its record may come again."""

from __future__ import annotations

import json

from source_acumatica.reading import sent_files
from source_acumatica.reading.sent_files import SentFiles, begun_again, behind_page, behind_window, mark_of

OLD, NEW, NEWER = "2026-01-01T00:00:00.000000Z", "2026-02-02T00:00:00.000000Z", "2026-02-03T00:00:00.000000Z"


def again(sent, since=NEW):
    """As the next sync finds it: the state has gone through JSON."""
    return SentFiles(json.loads(json.dumps(sent.as_state())), since)


def test_what_was_sent_is_known_after_a_crash_in_the_middle_of_its_page():
    sent = SentFiles({}, NEW)
    sent.note(OLD, mark_of(["a"]))
    assert again(sent).has(OLD, mark_of(["a"]))
    assert not again(sent).has(OLD, mark_of(["b"]))


def test_behind_a_page_only_what_the_next_sync_reaches_back_for_is_known():
    sent = SentFiles({}, NEW)
    sent.note(OLD, mark_of(["old"]))
    sent.note(NEWER, mark_of(["new"]))
    kept = SentFiles(behind_page(sent.as_state()), NEW)
    assert not kept.has(OLD, mark_of(["old"]))
    assert kept.has(NEWER, mark_of(["new"]))


def test_a_file_of_a_record_with_another_stamp_is_another_one():
    sent = SentFiles({}, NEW)
    sent.note(NEW, mark_of([NEW, "a"]))
    assert not SentFiles(behind_page(sent.as_state()), NEW).has(NEWER, mark_of([NEW, "a"]))


def test_a_later_sync_forgets_what_lies_too_far_back():
    sent = SentFiles({}, NEW)
    sent.note(NEW, mark_of(["a"]))
    sent.note(NEWER, mark_of(["b"]))
    later = SentFiles(behind_page(sent.as_state()), NEWER).as_state()
    assert NEW not in later
    assert NEWER in later


def test_of_too_many_the_latest_are_kept(monkeypatch):
    monkeypatch.setattr(sent_files, "_MOST_REMEMBERED", 2)
    sent = SentFiles({}, OLD)
    for stamp in (OLD, NEW, NEWER):
        sent.note(stamp, mark_of([stamp]))
    assert behind_page(sent.as_state()).keys() == {NEW, NEWER}


def test_marks_differ_by_every_part():
    marks = {mark_of(parts) for parts in (["a", "b"], ["ab", ""], ["a", None], ["a", "B"], ["b", "a"])}
    assert len(marks) == 5
    assert {len(mark) for mark in marks} == {sent_files._MARK_CHARACTERS}


def test_what_is_ahead_stays_known_until_its_record_has_come():
    sent = SentFiles({}, NEW)
    sent.note(OLD, mark_of(["a"]))
    sent.note(OLD, mark_of(["b"]))
    resumed = SentFiles(begun_again(begun_again(sent.as_state())), NEW)
    assert resumed.came_again(mark_of(["a"]))
    assert not resumed.came_again(mark_of(["a"]))
    kept = SentFiles(behind_page(resumed.as_state()), NEW)
    assert (kept.has(OLD, mark_of(["a"])), kept.has(OLD, mark_of(["b"]))) == (False, True)
    assert behind_window(resumed.as_state()) == {}
