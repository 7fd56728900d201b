"""Tests of the pages that the links of answers lead to."""

from __future__ import annotations

import itertools

import pytest

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.pages import ODataPage, linked_pages


def page(link, *rows):
    return ODataPage(list(rows), 0, link)


def test_all_that_links_lead_to_is_read_and_empty_pages_are_none_the_less_followed():
    pages = {"a": page("b"), "b": page("c", 2), "c": page(None, 3)}
    assert [row for each in linked_pages(page("a", 1), pages.get, "here") for row in each.rows] == [1, 2, 3]


@pytest.mark.parametrize("links", [["a", "a"], ["a", "b", "a"], [str(number) for number in range(99)]])
def test_links_that_do_not_lead_on_are_given_up(links):
    following = iter([*links[1:], "end"])
    with pytest.raises(RequestFailed, match="here: the ERP's links to the next page do not lead on"):
        list(linked_pages(page(links[0]), lambda _link: page(next(following)), "here"))


def test_links_that_lead_on_to_the_same_rows_again_and_again_are_followed_no_further():
    """Each has another token, which the server ignores."""
    tokens = itertools.count()

    def again(_link=""):
        return page(str(next(tokens)), 1, 2, 3)

    with pytest.raises(RequestFailed, match="do not lead on"):
        list(linked_pages(again(), again, "here"))


def test_pages_that_are_alike_for_a_while_are_read_to_their_end():
    pages = {"a": page("b", 7), "b": page("c", 7), "c": page(None, 7)}
    assert [row for each in linked_pages(page("a", 7), pages.get, "here") for row in each.rows] == [7] * 4
