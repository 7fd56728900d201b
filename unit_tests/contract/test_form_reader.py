"""Tests when the values that an inquiry form shows are those that were sent."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.contract.form_reader import _says_the_same
from source_acumatica.reading.fields import FieldKind

STRING = FieldKind.STRING


@pytest.mark.parametrize(
    ("sent", "shown", "kind", "is_same"),
    [
        ("ACTUAL", "actual  ", STRING, True),
        ("012026", "01-2026", STRING, True),
        ("012026", "022026", STRING, False),
        ("0010", "10", STRING, False),
        ("BUDGETX", None, STRING, False),
        ("", None, STRING, True),
        (True, True, FieldKind.BOOLEAN, True),
        (True, False, FieldKind.BOOLEAN, False),
        (5, 5, FieldKind.INTEGER, True),
        ("1.5", msgspec.Raw(b"1.500000"), FieldKind.DECIMAL, True),
        ("1.5", msgspec.Raw(b"1.6"), FieldKind.DECIMAL, False),
        ("much", 1, FieldKind.DECIMAL, False),
        ("2026-01-31", "2026-01-31T00:00:00-05:00", FieldKind.DATE_TIME, True),
        ("2026-01-31T00:00:00Z", "2026-01-30T19:00:00-05:00", FieldKind.DATE_TIME, True),
        ("2026-01-31", "2026-02-28T00:00:00-05:00", FieldKind.DATE_TIME, False),
        ("1/31/2026", "2026-01-31T00:00:00-05:00", FieldKind.DATE_TIME, True),
    ],
)
def test_a_value_may_come_back_in_another_writing(sent, shown, kind, is_same):
    assert _says_the_same(sent, shown, kind) is is_same
