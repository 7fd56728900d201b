"""Tests when rows that are not found are taken to be hidden rather than deleted."""

from __future__ import annotations

import pytest

from source_acumatica.airbyte.suspicion import is_suspicious


@pytest.mark.parametrize(
    ("gone", "listed", "known", "is_expected"),
    [
        (11, 43, 54, True),
        (11, 44, 55, False),
        (10, 1, 11, False),
        (3, 0, 3, True),
        (2, 0, 2, False),
        (0, 0, 100, False),
    ],
    ids=[
        "more than ten and than a fifth",
        "no more than a fifth",
        "no more than ten",
        "a list that is empty of a sudden",
        "a table of two rows may well be emptied",
        "nothing is gone",
    ],
)
def test_many_rows_are_seldom_deleted_at_once(gone, listed, known, is_expected, caplog):
    assert is_suspicious("Tenant 'A', stream Customer", gone, listed, known) is is_expected
    assert len(caplog.messages) == is_expected


def test_the_user_is_told_how_many_and_what_to_do(caplog):
    is_suspicious("Tenant 'A', stream Customer", 1_200, 800, 2_000)
    (said,) = caplog.messages
    assert said.startswith("Tenant 'A', stream Customer: of 2,000 rows that were read, the ERP does not find 1,200")
    assert said.endswith("if they were deleted, refresh this stream.")
