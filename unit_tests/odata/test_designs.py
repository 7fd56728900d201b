"""Tests what is made of the designs of inquiries: warnings of what looks complete and is not, and times."""

from __future__ import annotations

import pytest

from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.designs import DESIGNS, read_designs, warn_of_incomplete, with_times
from unit_tests.odata.entity_set import INQUIRY
from unit_tests.odata.table_service import CLOSED, MISSING, PASSING, TableService, of

STREAMS = {"I": "gi__I", "J": "gi__J"}


def test_all_designs_are_read_along_the_links():
    rows = [{"Name": str(number)} for number in range(5)]
    assert [*read_designs(TableService({DESIGNS: rows}, cap=2), "A")] == rows


@pytest.mark.parametrize("problem", [CLOSED, MISSING, PASSING], ids=["closed", "missing", "passing"])
def test_designs_that_cannot_be_read_are_none(problem):
    assert not read_designs(TableService({}, of(problem)), "A")


def test_the_end_of_the_run_is_no_design_that_cannot_be_read():
    class Ended(TableService):
        def rows(self, *_args, **_request):
            raise PoolClosed

    with pytest.raises(PoolClosed):
        read_designs(Ended({}), "A")


@pytest.mark.parametrize(
    ("design", "sentence"),
    [
        ({"Name": "I", "SelectTop": 100}, "Tenant 'A', gi__I: the inquiry is cut to 100 rows"),
        ({"Name": "I", "UseDataWarehouse": True}, "Tenant 'A', gi__I: the inquiry shows a stored result"),
        ({"Name": "I", "SelectTop": 0, "UseDataWarehouse": False}, ""),
        ({"Name": "I"}, ""),
        ({"Name": "Another", "SelectTop": 100, "UseDataWarehouse": True}, ""),
    ],
    ids=str,
)
def test_an_inquiry_that_is_cut_or_stored_is_named_if_it_is_read(design, sentence, caplog):
    warn_of_incomplete("A", STREAMS, [{"Name": "J"}, design])
    assert len(caplog.messages) == bool(sentence)
    assert sentence in caplog.text


@pytest.mark.parametrize(
    ("shown", "time"),
    [("2026-11-22T10:00:00-05:00", "2026-11-22T15:00:00.000000Z"), ("yesterday", None), (7, None), (None, None)],
)
def test_an_inquiry_has_the_time_of_its_design_in_utc_or_none(shown, time):
    designs = [
        {"Name": "J", "LastModifiedDateTime": "2001-01-01T00:00:00Z"},
        {"Name": "I", "LastModifiedDateTime": shown},
    ]
    assert [table.designed_at for table in with_times([INQUIRY], designs)] == [time]
    assert [table.designed_at for table in with_times([INQUIRY], [])] == [None]
