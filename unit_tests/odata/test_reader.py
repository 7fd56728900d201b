"""Tests of what a reader brings of an inquiry or a table, and what it finds out about it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.linked_tables import LinkedTable
from source_acumatica.odata.pages import ODataPage
from source_acumatica.reading.window import Window

from .entity_set import CHANGED, EVER, INQUIRY, ROWS, TABLE, EntitySet, a_row, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


def test_a_reading_goes_on_from_every_page_of_it():
    pages = list(EntitySet(ROWS).reader().pages(EVER))
    everything = ids(pages)
    for number, page in enumerate(pages):
        window = Window.of_state(Window(EVER.since, EVER.until, page.position).as_state())
        done = len(ids(pages[: number + 1]))
        assert ids(EntitySet(ROWS).reader().pages(window)) == everything[done:]


def test_of_a_window_only_its_rows_come_and_those_without_a_stamp():
    entity_set = EntitySet(ROWS)
    reader = entity_set.reader()
    assert ids(reader.pages(CHANGED)) == [1, 3, 4, 6, 7, 9, 10, 11]
    assert reader.is_filtered(CHANGED)


class Forgetful(EntitySet):
    """Gives no rows from the beginning of the list on, at these requests for them."""

    empty = ()
    times = 0

    def __call__(self, window, token):
        page = super().__call__(window, token)
        if token.get("skip") or token.get("after"):
            return page
        self.times += 1
        return ODataPage([], 100, None) if self.times in self.empty else page


@pytest.mark.parametrize("table", [TABLE, INQUIRY], ids=["table", "inquiry"])
@pytest.mark.parametrize("empty", [(1,), (1, 3), range(1, 100, 2)], ids=["once", "twice", "always"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:2]], ids=["rows behind the page", "no rows behind it"])
def test_a_list_that_begins_without_rows_is_not_believed_where_it_has_some(table, empty, rows):
    entity_set = Forgetful(rows, table)
    entity_set.empty = empty
    try:
        read = sorted(ids(entity_set.reader(is_incremental=False).pages(EVER)))
    except RequestFailed as error:
        assert len(empty) > 2
        assert re.search("a list without rows|repeats the same rows|has no rows any more", error.message)
    else:
        assert read == [row["Id"] for row in rows]


def test_changes_in_front_of_others_are_not_lost_where_the_first_answer_has_none():
    entity_set = Forgetful([a_row(number, 12) for number in range(12)])
    entity_set.empty = (1,)
    assert ids(entity_set.reader().pages(CHANGED)) == list(range(12))


def test_an_inquiry_whose_keys_turn_out_not_to_identify_rows_is_read_once_and_the_user_is_told(caplog):
    rows = [a_row(number, 5, group="ABC"[number % 3]) for number in range(9)]
    entity_set = EntitySet(rows, INQUIRY)
    reader = entity_set.reader(is_incremental=False)
    assert sorted(ids(reader.pages(EVER))) == list(range(9))
    assert "several rows have the same Class" in caplog.text
    assert reader.repeated_key == ("Class",)


def test_a_key_that_fills_a_page_repeats_although_no_page_shows_two_rows_of_it(no_larger_pages):
    rows = [a_row(number, 5, group="AB"[number % 2]) for number in range(9)]
    reader = EntitySet(rows, INQUIRY).reader(max_page_size=2)
    known = [reader.repeated_key for _page in reader.pages(EVER)]
    assert known
    assert set(known) == {("Class",)}


LINKED = replace(TABLE, links={"Payer": LinkedTable(), "Owner": LinkedTable()})


class ById(EntitySet):
    """Rows that are asked for by their ids, all at once or a few; what does not come is ``silent``."""

    silent = ()

    def __call__(self, _window, token):
        self.tokens.append(token)
        if refused := self.refuses(token["plan"], token):
            raise refused
        rows = [{**row, "NoteID": str(row["Id"])} for row in self.rows if str(row["Id"]) in token["ids"]]
        return ODataPage(rows[: self.cap], 10_000, None, self.silent)


def found_by_ids(reader, *asked):
    return [id_ for id_, row in reader.by_ids(asked) if row is not None]


def test_rows_by_ids_name_what_does_not_come_with_them_once_and_pages_keep_their_size(caplog):
    entity_set = ById(ROWS, LINKED, cap=2)
    entity_set.silent = ("Class", "Payer")
    reader = entity_set.reader()
    assert found_by_ids(reader, "1", "2", "3", "no such") == ["1", "2", "3"]
    assert len(entity_set.tokens) > 1
    assert reader.left_out == ("Class", "Payer")
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert "does not send Class, Payer" in caplog.text
    assert not reader.record_bytes


@pytest.mark.parametrize("action", [Action.ASK_FOR_LESS, Action.STOP])
def test_rows_by_ids_come_without_the_links_that_are_refused_for_them(action, caplog):
    entity_set = ById(ROWS, LINKED, lambda _plan, token: refusal(action) if "Payer" in token["links"] else None)
    reader = entity_set.reader()
    assert found_by_ids(reader, "1", "2") == ["1", "2"]
    assert entity_set.tokens[-1]["links"] == ("Owner",)
    assert reader.left_out == ("Payer",)
    entity_set.tokens.clear()
    assert found_by_ids(reader, "3") == ["3"]
    assert [token["links"] for token in entity_set.tokens] == [("Owner",)]
    assert caplog.text.count("when asked to follow Payer") == 1


@pytest.mark.parametrize("action", [Action.ASK_FOR_LESS, Action.STOP, Action.RETRY])
def test_a_request_by_ids_that_fails_without_links_too_is_no_matter_of_them(action):
    reader = ById(ROWS, LINKED, lambda _plan, _token: refusal(action)).reader()
    with pytest.raises(RequestFailed, match="refused"):
        found_by_ids(reader, "1")
    assert reader.left_out == ()
