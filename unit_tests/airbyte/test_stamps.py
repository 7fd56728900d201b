"""Tests which stamps are taken for dates."""

from __future__ import annotations

import pytest

from source_acumatica.airbyte.stamps import Stamps

DATES = ["2026-11-30T14:30:00.000000Z", "2026-11-29T00:00:00.000000Z", "2026-11-28T18:15:00.000000Z"]


@pytest.mark.parametrize(
    ("dates", "times", "shows"),
    [(3, 0, True), (2, 98, True), (2, 99, False), (1, 0, False), (0, 9, False)],
)
def test_stamps_are_dates_where_more_of_them_look_so_than_by_chance(dates, times, shows):
    stamps = Stamps("M")
    stamps.note([{"M": stamp} for stamp in DATES[:dates]])
    stamps.note([{"M": f"2026-11-30T14:30:{number % 59 + 1:02}.000000Z"} for number in range(times)])
    assert stamps.shows_dates is shows


@pytest.mark.parametrize(
    ("times", "shows"),
    [(["05:00"] * 2, True), (["05:00"], False), (["05:00", "06:00"], False), ((["04:00"] + ["05:00"] * 9), True)],
)
def test_stamps_of_the_database_are_dates_only_where_all_begin_at_one_time_of_the_day(times, shows):
    stamps = Stamps("M", may_be_dates=False)
    stamps.note([{"M": f"2026-11-{day:02}T{time}:00.000000Z"} for day, time in enumerate(times, start=1)])
    assert stamps.shows_dates is shows
