"""Tests that a list of ids is as the ERP has it now, however the ERP spells ids."""

from __future__ import annotations

import pytest

from source_acumatica.airbyte.key_lists import KeyLists
from source_acumatica.reading.paging import BEGINNING, Page
from source_acumatica.reading.window import Window

SINCE = "2026-11-20T00:00:00.000000Z"
EVER = Window()


class Erp:
    """A table with a row in each page; it is a reader, too, and keeps what it was asked for."""

    id_field, created = "id", "CreatedDateTime"

    def __init__(self, *rows):
        self.rows, self.windows, self.beside = rows, [], []

    def reader(self, beside):
        self.beside.append(beside)
        return self

    def pages(self, window):
        self.windows.append(window)
        return (Page([row], BEGINNING) for row in self.rows)

    def by_ids(self, ids, *, is_unconditional):
        assert is_unconditional, "a row that the row filter leaves out has not gone"
        there = {row["id"] for row in self.rows}
        return ((each, {"id": each} if each in there else None) for each in ids)

    @property
    def lists(self):
        return KeyLists(self.reader, self, EVER)


def row(id_, created="2026-11-01T00:00:00+00:00"):
    return {"id": id_, "CreatedDateTime": {"value": created}}


def test_the_ids_of_each_page_come_with_those_of_rows_that_were_created_since():
    erp = Erp(row("a1", "2026-11-19T19:00:00-05:00"), row("a2", "2026-11-19T19:00:01-05:00"), row("a3", None))
    assert [*erp.lists.pages(SINCE)] == [(["a1"], []), (["a2"], ["a2"]), (["a3"], [])]
    assert (erp.windows, erp.beside) == ([EVER], ["CreatedDateTime"])


@pytest.mark.parametrize(("since", "created"), [(None, "CreatedDateTime"), (SINCE, None)])
def test_when_rows_were_created_is_asked_only_where_it_matters_and_is_known(since, created):
    erp = Erp(row("a1", "2026-11-21T00:00:00+00:00"))
    erp.created = created
    assert [*erp.lists.pages(since)] == [(["a1"], [])]
    assert erp.beside == [None]


def test_a_row_without_an_id_is_left_out():
    erp = Erp(row(None), row("a1"))
    assert [*erp.lists.pages(None)] == [([], []), (["a1"], [])]


def test_those_that_the_erp_finds_are_there():
    assert Erp(row("a1"), row("a3")).lists.there(["a1", "a2", "a3"]) == {"a1", "a3"}


@pytest.mark.parametrize(("sent", "spelt"), [("A1", "B2"), ("a1", "b2"), ("11", "b2")])
def test_ids_are_compared_in_lower_case_and_sent_as_the_erp_spells_them(sent, spelt):
    lists = Erp(row(sent)).lists
    assert [*lists.pages(None)] == [([sent.lower()], [])]
    assert lists.spelt("b2") == spelt
    assert lists.in_lower_case(["c3"]) == ["c3"]
    assert lists.spelt("b2") == spelt, "one page without letters, or in lower case, says nothing of the others"
