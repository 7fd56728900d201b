"""Tests what is counted for which list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from source_acumatica.erp.tallies import Tallies, Tally, belongs

WHERE = "Tenant 'A', stream Customer"


@pytest.mark.parametrize("what", [WHERE, f"{WHERE}, keys", f"{WHERE} (for a session)", f"{WHERE}: x"])
def test_parts_of_reading_a_list_belong_to_it(what):
    assert belongs(what, WHERE)


@pytest.mark.parametrize("what", [f"{WHERE}__Contacts", f"{WHERE}Class", "Tenant 'A'", "", f"The {WHERE}"])
def test_other_lists_do_not(what):
    assert not belongs(what, WHERE)


def test_tallies_of_threads_add_up():
    tallies = Tallies()
    with ThreadPoolExecutor(8) as threads:
        for number in range(800):
            threads.submit(tallies.add, f"{WHERE}, part {number % 3}", Tally(1, 0.5))
    assert tallies.of(WHERE) == Tally(800, 400.0) == tallies.total
    assert tallies.of("Tenant 'B', stream Customer") == Tally()


def test_a_list_whose_name_begins_another_ones_name_does_not_count_the_requests_of_that_one():
    tallies, short, long = (
        Tallies(),
        "Tenant 'A', stream gi__BI-Customers",
        "Tenant 'A', stream gi__BI-Customers Orders",
    )
    tallies.add(f"{short}, page", Tally(requests=2))
    tallies.add(f"{long}, page", Tally(requests=3))
    assert [tallies.of(each, [short, long]).requests for each in (short, long)] == [2, 3]
