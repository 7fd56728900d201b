"""Tests that an inquiry which is asked several times gives the rows of all combinations."""

from __future__ import annotations

from dataclasses import dataclass, field

from source_acumatica.reading.paging import BEGINNING, Page, Position
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.repeated import RepeatedReader
from source_acumatica.reading.window import Window

SINCE, EARLIER = "2026-11-22T10:00:00.000000Z", "2026-11-20T10:00:00.000000Z"


@dataclass
class Rows(Reader):
    """Gives its rows as one page, and notes its window."""

    some: list = field(default_factory=list)
    where: str = "here"

    def pages(self, window):
        self.window = window
        if self.some:
            yield Page(self.some, Position(len(self.some)))

    def is_filtered(self, _window):
        return True


def repeated(rows, unproven=None):
    readers = [({"Period": period}, Rows("A", None, some=some)) for period, some in rows.items()]
    return RepeatedReader("A", None, readers, ["Period"], lambda: unproven or {}, "M")


def test_each_row_has_the_values_that_it_was_asked_for_with():
    reader = repeated({"012026": [{"Id": 1, "M": SINCE}], "022026": [{"Id": 1, "M": SINCE}]})
    pages = list(reader.pages(Window(SINCE)))
    assert [row["_param_Period"] for page in pages for row in page.rows] == ["012026", "022026"]
    assert {page.position for page in pages} == {BEGINNING}, "a position belongs to the list of one combination"
    assert reader.unproven == {}


def test_a_combination_without_rows_is_read_from_where_it_was_and_the_others_go_on():
    reader = repeated({"012026": [], "022026": [{"Id": 1, "M": SINCE}]})
    list(reader.pages(Window(SINCE)))
    assert reader.unproven == {'{"Period": "012026"}': SINCE}
    again = repeated({"012026": [], "022026": []}, {'{"Period": "012026"}': EARLIER})
    list(again.pages(Window(SINCE)))
    assert [one.window.since for _, one in again.readers] == [EARLIER, SINCE]
