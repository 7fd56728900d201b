"""Tests of answers to a filter by the stamp that are not to be relied on."""

from __future__ import annotations

import pytest

from source_acumatica.odata.pages import ODataPage
from source_acumatica.reading.window import Window

from .entity_set import CHANGED, INQUIRY, ROWS, STAMP, TABLE, EntitySet, Known, ids, refusal

pytestmark = pytest.mark.usefixtures("small_pages")


@pytest.mark.parametrize("table", [TABLE, INQUIRY], ids=["table", "inquiry"])
def test_a_filter_that_hides_rows_is_not_believed_for_longer_than_a_day(table, caplog):
    class Silent(EntitySet):
        def __call__(self, window, token):
            page = super().__call__(window, token)
            return ODataPage([], 100, None) if token["plan"].filters and window.since else page

    known = Known({"filter_works"})
    assert ids(Silent(ROWS, table).reader(facts=known).pages(CHANGED)) == []
    known.clear()
    assert sorted(set(ids(Silent(ROWS, table).reader(facts=known).pages(CHANGED)))) == list(range(12))
    assert "answers a filter by LastModifiedDateTime with no rows, although there are some" in caplog.text


def test_a_filter_that_has_nothing_to_bring_is_asked_about_once():
    entity_set = EntitySet([row for row in ROWS if row[STAMP]])
    reader = entity_set.reader()
    later = Window("2026-11-29T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z")
    assert ids(reader.pages(later)) == []
    assert "filter_works" in entity_set.facts
    asked = len(entity_set.tokens)
    assert ids(reader.pages(later)) == []
    assert len(entity_set.tokens) - asked <= 2


UNSTAMPED = [row for row in ROWS if not row[STAMP]]


class BrokenForStamps(EntitySet):
    """An ERP that finds no changed row, only those without a stamp."""

    may_sort = True

    def __call__(self, window, token):
        if not self.may_sort and any(STAMP in one for one in token["plan"].order):
            raise refusal()
        page = super().__call__(window, token)
        is_broken = token["plan"].filters and window.since
        return ODataPage([row for row in page.rows if not row[STAMP]], 100, None) if is_broken else page


@pytest.mark.parametrize("may_sort", [True, False])
@pytest.mark.parametrize("table", [TABLE, INQUIRY], ids=["table", "inquiry"])
def test_rows_without_a_stamp_come_once_whether_the_filter_hides_those_that_have_one(table, may_sort, caplog):
    for rows in (ROWS, UNSTAMPED):
        entity_set = BrokenForStamps(rows, table)
        entity_set.may_sort = may_sort
        assert sorted(ids(entity_set.reader().pages(CHANGED))) == sorted(row["Id"] for row in rows)
        # The inquiry has no key, and is read in full from the start.
        is_told = table is TABLE and (rows == ROWS or not may_sort)
        assert ("answers a filter by LastModifiedDateTime" in caplog.text) is is_told
        caplog.clear()


def test_no_row_with_a_stamp_among_few_does_not_mean_that_there_is_none():
    """The one that was changed last may be hidden from the user; its place counts."""

    class HidesLatest(BrokenForStamps):
        def __call__(self, window, token):
            page = super().__call__(window, token)
            return ODataPage([row for row in page.rows if row["Id"] != 10], 100, None)

    found = ids(HidesLatest(ROWS).reader().pages(CHANGED))
    assert sorted(found) == [row["Id"] for row in ROWS if row["Id"] != 10]


def test_all_rows_are_looked_for_once_more_where_their_list_begins_empty_by_chance():
    class EmptyOnce(BrokenForStamps):
        is_over = False

        def __call__(self, window, token):
            is_list = not token["plan"].filters and token["plan"].order == ("Id",) and token.get("top", 9) > 1
            if is_list and not self.is_over:
                self.is_over = True
                return ODataPage([], 100, None)
            return super().__call__(window, token)

    entity_set = EmptyOnce(ROWS)
    assert sorted(ids(entity_set.reader(is_incremental=False).pages(CHANGED))) == [row["Id"] for row in ROWS]
    assert entity_set.is_over
