"""Tests which records of a list are read by themselves while the list has shown nothing of a part."""

from __future__ import annotations

import pytest

from source_acumatica.contract.part_evidence import PartEvidence, ShownPage, part_names

DETAILS, CUSTOM = ("Details",), ("custom",)
LINES, NONE = {"Details": [{"LineNbr": 1}], "custom": {}}, {"Details": [], "custom": {}}


def test_a_part_is_proven_by_itself_until_a_page_of_many_rows_shows_nothing_of_it():
    parts = PartEvidence(10)
    assert parts.unproven([NONE], [DETAILS, CUSTOM]) == [DETAILS, CUSTOM]
    assert parts.unproven([LINES, NONE], [DETAILS, CUSTOM]) == [CUSTOM]
    assert parts.unproven([NONE] * 19, [DETAILS, CUSTOM]) == [CUSTOM]
    assert parts.unproven([NONE] * 20, [DETAILS, CUSTOM]) == [DETAILS, CUSTOM]
    assert parts.unproven([*[NONE] * 500, LINES], [DETAILS, CUSTOM]) == [CUSTOM]


def test_a_part_of_several_places_is_proven_by_any_of_them():
    parts = PartEvidence(10)
    assert parts.unproven([LINES], [("custom", "Details"), CUSTOM]) == [CUSTOM]
    assert parts.unproven([NONE], [("Details", "other"), CUSTOM]) == [CUSTOM]


def test_later_pages_have_ever_fewer_samples_and_no_more_than_some():
    parts = PartEvidence(10)
    numbers = [number for number in range(1, 5000) if parts.samples(500)]
    assert numbers == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]


def test_what_was_sent_is_remembered_by_its_parts():
    parts = PartEvidence(10)
    parts.believe([("custom", "other")])
    assert parts.were_sent_without([DETAILS, CUSTOM])
    assert not parts.were_sent_without([DETAILS])


def test_parts_are_named_each_once():
    group = ("Details/custom/V/UsrA", "Details/custom/W/UsrB")
    assert part_names([DETAILS, group]) == ("Details", "Details/custom")
    assert part_names([group, (group[1],)]) == (group[1],)


def page_of(rows, skip, alone):
    """A page of 500 of a list of so many rows."""
    return ShownPage(
        [{"id": place} for place in range(skip, min(skip + 500, rows))],
        skip,
        500,
        alone=alone,
        keys_at=lambda place: [{"id": place}] if place < rows else [],
        again=lambda skip, asked: [],
        is_one=lambda row, other: row == other,
    )


@pytest.mark.parametrize("rows", [500, 100_000])
@pytest.mark.parametrize("shown", [False, True])
def test_of_however_many_empty_parts_few_records_are_read_by_themselves(rows, shown):
    """And of ten times as many pages hardly more; where the list has shown the parts before, fewer."""
    alone = []
    parts, empty = PartEvidence(10), [(f"custom/V/Usr{number}",) for number in range(100)]
    if shown:
        parts.unproven([{"custom": {"V": {f"Usr{number}": 1 for number in range(100)}}}], empty)
    for skip in range(0, rows, 500):
        assert parts.emptied(page_of(rows, skip, lambda row: alone.append(row["id"])), empty) == []
    assert 3 <= len(alone) <= 12 if shown else 10 <= len(alone) <= 30


@pytest.mark.parametrize("read", [[], [NONE]])
def test_what_records_that_cannot_be_read_have_is_unknown(read):
    """Also if others can be: a form may fail for the very records that have lines."""
    parts, records = PartEvidence(10), iter(read)
    assert parts.emptied(page_of(500, 0, lambda row: next(records, None)), [DETAILS]) == []
    parts.doubt([DETAILS])
    assert parts.unknown == [DETAILS]
    parts.unproven([LINES], [DETAILS])
    assert parts.unknown == []
