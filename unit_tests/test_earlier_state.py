"""Tests of what a given state says of earlier reads."""

from __future__ import annotations

import pytest

from source_acumatica.earlier_state import reached_by, tenants_read_before


def part(tenant, **more):
    return {"partition": {"tenant": tenant}, **more}


def test_a_tenant_has_been_read_where_its_state_says_how_far():
    parts = [part("A", cursor={"At": "2026"}), part("B", reading={"by": "At"}), part("C", newest="2026"), part("D")]
    assert tenants_read_before({"states": parts}) == {"A", "B", "C"}


@pytest.mark.parametrize("state", [None, {}, {"states": None}, {"states": ["x", 1]}])
def test_nothing_was_read_where_no_state_says_so(state):
    assert tenants_read_before(state) == set()


def test_a_tenant_that_was_read_by_another_cursor_is_read_again(caplog):
    kept = [part("A", cursor={"At": "2026"}), part("B", reading={"by": "At"}), part("C")]
    changed = [
        part("D", cursor={"Other": "2026"}, newest="2026", rereading={"at": "2026"}),
        part("E", reading={"by": "Other"}, deletions="2026"),
    ]
    again = [part("D"), part("E", deletions="2026")]
    given = {"states": [*kept, *changed], "more": 1}
    assert reached_by("At", "gi__Orders", given) == {"states": [*kept, *again], "more": 1}
    assert caplog.messages == ["gi__Orders: At is its cursor now, and was not before: it is read again in full."]


def test_a_state_by_the_same_cursor_stays_as_it_is(caplog):
    state = {"states": [part("A", cursor={"At": "2026"}), "not understood"]}
    assert reached_by("At", "gi__Orders", state) == state
    assert reached_by("At", "gi__Orders", {}) == {}
    assert not caplog.messages
