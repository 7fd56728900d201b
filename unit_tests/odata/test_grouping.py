"""Tests the trial of inquiries that group, against rows that are summed up behind the filter."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from airbyte_cdk.models import FailureType
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.grouping import GROUPS, NOT_FOUND, SHARES_KEYS, Grouping
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.learnt import FOUND_BY_KEY
from source_acumatica.reading.window import Window

STAMP = "LastModifiedOn"
FIELDS = {
    "Class": FieldKind.STRING,
    "LastID": FieldKind.STRING,
    "Count": FieldKind.INTEGER,
    STAMP: FieldKind.DATE_TIME,
}
INQUIRY = ODataTable(ODataFeed.INQUIRIES, "I", "I", FIELDS, ("Class",))
CHANGED = Window("2026-11-10T00:00:00.000000Z")
OLD, NEW = "2026-11-01T00:00:00.000000Z", "2026-11-11T00:00:00.000000Z"


class Known(set):
    """What is known of a list."""

    has_unstamped = is_first = False
    knows = set.__contains__
    learn = set.add


@dataclass
class Inquiry:
    """``rows`` are of a class, with an id and a stamp; a change happens before the request with its number."""

    rows: list
    keys: tuple = ("Class",)
    cap: int = 10**6
    refuses: bool = False
    most_rows: int = 500
    lists: list | None = None
    facts: Known = field(default_factory=lambda: Known({FOUND_BY_KEY}))
    changes: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def __call__(self, window, token):
        self.asked.append(token)
        self.changes.pop(len(self.asked), lambda: None)()
        if self.refuses and "at" in token:
            raise RequestFailed(Problem(Action.ASK_FOR_LESS, FailureType.transient_error, "refused", status=400))
        if self.lists is not None and "at" not in token:
            return ODataPage(self.lists, 100, None)
        since = window.since if token["plan"].filters and token.get("is_within", "at" not in token) else None
        stamps = dict(zip(token.get("at", ()), token.get("stamped", ()), strict=False))
        groups = {}
        for row in self.rows:
            own = tuple(self.shown([row])[name] for name in self.keys)
            if ("at" not in token or own in token["at"]) and row[2] >= stamps.get(own, since or ""):
                groups.setdefault(row[0], []).append(row)
        shown = [self.shown(groups[name]) for name in sorted(groups)]
        begin = token.get("skip", 0)
        return ODataPage(shown[begin : begin + min(token["top"], self.cap)], 100, None)

    def shown(self, rows):
        return {
            "Class": rows[0][0],
            "LastID": max(row[1] for row in rows),
            "Count": len(rows),
            STAMP: max(row[2] for row in rows),
        }

    def page(self):
        return self(CHANGED, {"plan": ODataPlan(self.keys), "top": 10**6}).rows

    def doubt(self, rows):
        table = ODataTable(ODataFeed.INQUIRIES, "I", "I", FIELDS, self.keys)
        return Grouping(table, ODataPlan(self.keys), FIELDS, self.most_rows, self, self.facts).doubt(rows, CHANGED)


def group(name, old, new):
    return [(name, f"{name}{number:02d}", OLD if number < old else NEW) for number in range(old + new)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_rows_are_doubted_if_one_of_them_is_a_part_of_its_group(sizes):
    inquiry = Inquiry([row for number, size in enumerate(sizes) for row in group(f"G{number:02d}", *size)])
    is_partial = any(old and new for old, new in sizes)
    assert bool(inquiry.doubt(inquiry.page())) is is_partial


@pytest.mark.parametrize("cap", [1, 7, 10**6])
@given(st.data())
def test_rows_of_their_own_are_not_doubted_whatever_is_changed_or_removed_meanwhile(cap, data):
    inquiry = Inquiry(
        [row for number in range(80) for row in group(f"G{number:02d}", number % 3 == 0, number % 3 != 0)], cap=cap
    )
    page = inquiry.page()
    if data.draw(st.booleans()):
        inquiry.facts.clear()
    places = data.draw(st.lists(st.integers(0, 79), max_size=20))

    def change():
        for place in places:
            name, _, _ = inquiry.rows[place]
            inquiry.rows[place] = (name, "changed" if place % 2 else f"{name}00", NEW)

    inquiry.changes[data.draw(st.integers(2, 6))] = change
    assert inquiry.doubt(page) == ""


def test_a_key_may_be_that_of_one_row_of_a_group():
    rows = [*group("A", 0, 1), *group("B", 3, 1), *group("C", 1, 0)]
    inquiry = Inquiry(rows, keys=("LastID",), facts=Known())
    assert inquiry.doubt(inquiry.page()) == GROUPS


@pytest.mark.parametrize("most_rows", [2, 7, 500])
def test_such_a_key_is_found_out_however_few_rows_come_at_once(most_rows):
    inquiry = Inquiry([*(row for name in "ABCDEFGH" for row in group(name, 0, 1)), *group("I", 3, 1)], keys=("LastID",))
    inquiry.facts.clear()
    inquiry.most_rows = most_rows
    assert inquiry.doubt(inquiry.page()) == GROUPS


def test_what_is_found_by_its_keys_is_asked_for_once_a_day():
    inquiry = Inquiry(group("A", 0, 1), facts=Known())
    page = inquiry.page()
    for requests in (4, 1):
        inquiry.asked.clear()
        assert inquiry.doubt(page) == ""
        assert len(inquiry.asked) == requests


def test_nothing_is_known_where_rows_cannot_be_asked_for_by_their_keys():
    inquiry = Inquiry(group("A", 0, 1), refuses=True)
    assert inquiry.doubt(inquiry.page()) == NOT_FOUND
    rounded = Inquiry(group("A", 0, 1), facts=Known())
    page = [{**rounded.page()[0], "Class": "A (as it is shown)"}]
    rounded.lists = page
    assert rounded.doubt(page) == NOT_FOUND


def test_rows_of_a_page_are_all_tried_where_some_of_a_thousand_are_parts():
    inquiry = Inquiry([row for number in range(990) for row in group(f"Group {number:03d}", 0, 1)])
    for name in ("Group 333", "Group 668", "Group 989"):
        inquiry.rows += group(name, 1, 0)
    assert inquiry.doubt(inquiry.page()) == GROUPS


def test_of_a_very_large_page_rows_all_over_it_are_tried():
    inquiry = Inquiry([row for number in range(9000) for row in group(f"Group {number:04d}", 0, 1)])
    page = inquiry.page()
    inquiry.asked.clear()
    assert inquiry.doubt(page) == ""
    assert len(inquiry.asked) <= 40
    tried = [place for token in inquiry.asked for (place,) in token["at"]]
    assert len(tried) > 800
    assert (tried[0], tried[-1] > "Group 8970") == ("Group 0000", True)
    inquiry.rows += group(tried[40], 2, 0)
    assert inquiry.doubt(page) == GROUPS


def test_a_group_with_older_rows_is_found_out_by_its_own_stamp_though_the_window_has_whole_ones_only():
    inquiry = Inquiry([*group("A", 1, 1), *group("B", 2, 0), *group("C", 0, 1)], facts=Known())
    whole = [row for row in inquiry.page() if row["Class"] == "C"]
    assert inquiry.doubt(whole) == GROUPS


def test_a_stamp_that_a_filter_compares_in_another_zone_is_no_sign_of_a_group():
    inquiry = Inquiry([row for name in "ABC" for row in group(name, 0, 1)], facts=Known())
    page = inquiry.page()
    inquiry.rows = [(name, last, OLD) for name, last, _ in inquiry.rows]
    inquiry.shown = lambda rows: {**Inquiry.shown(inquiry, rows), STAMP: NEW}
    assert inquiry.doubt(page) == ""


def test_a_key_that_a_row_out_of_the_window_has_as_well_is_found_out():
    inquiry = Inquiry([*group("A", 1, 0), *group("B", 0, 1), *group("C", 1, 0)])
    page = inquiry.page()
    inquiry.shown = lambda rows: {**Inquiry.shown(inquiry, rows), "Class": rows[0][0].replace("C", "B")}
    assert inquiry.doubt(page) == SHARES_KEYS
