from types import SimpleNamespace
from uuid import UUID

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.dependent_rows import dependent_rows, with_brought
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.record_ids import as_text, of_text

A, B, C = (str(UUID(int=number)) for number in range(1, 4))
LINES = SimpleNamespace(record_id="_parent_id", id_field="id", family="Default/SalesOrder")


class Records:
    tenant, where = "Company", "Tenant 'Company', stream SalesOrder__Details"

    def __init__(self, fails_after=99):
        self.asked, self._left = [], fails_after

    def by_ids(self, ids):
        self.asked += ids
        for id_ in ids:
            self._left -= 1
            if self._left < 0:
                raise AirbyteTracedException(message="no answer", failure_type=FailureType.transient_error)
            yield id_, None if id_ == C else {"id": id_}


def send(_reader, rows):
    yield from rows


def cursor(**part):
    state = {"states": [{"partition": {"tenant": "Company"}, **part}]}
    return TenantCursor("_parent_modified", ["Company"], state, lambda _state: None)


def of(*ids, at="1", family="Default/SalesOrder", tenant="Company"):
    return {(tenant, family): {at: as_text(ids)}}


def test_the_lines_of_what_was_found_come_once():
    progress = cursor()
    assert [*dependent_rows(Records(), LINES, progress, of(A, B, C), send)] == [{"id": A}, {"id": B}]
    assert [*dependent_rows(Records(), LINES, progress, of(A, B, C), send)] == []
    assert [*dependent_rows(Records(), LINES, progress, of(B, at="2"), send)] == [{"id": B}]


def test_what_several_comparisons_have_brought_comes_though_the_last_one_found_others():
    brought = {("Company", "Default/SalesOrder"): with_brought("here", {"1": as_text([A])}, "2", [B])}
    progress = cursor()
    assert [*dependent_rows(Records(), LINES, progress, brought, send)] == [{"id": A}, {"id": B}]
    assert [*dependent_rows(Records(), LINES, progress, brought, send)] == []


def test_a_record_that_is_brought_again_has_its_lines_come_again():
    progress = cursor()
    for at in ("1", "2"):
        assert [*dependent_rows(Records(), LINES, progress, of(A, at=at), send)] == [{"id": A}]


@pytest.mark.parametrize(
    "brought", [{}, of(family="Default/X"), of(A, family="Default/X"), of(A, tenant="Other")], ids=list("abcd")
)
def test_nothing_comes_where_nothing_was_found(brought):
    records = Records()
    assert [*dependent_rows(records, LINES, cursor(), brought, send)] == []
    assert records.asked == []


def test_records_do_not_follow_themselves_nor_does_a_full_refresh_follow():
    table = SimpleNamespace(record_id="id", id_field="id", family="Default/SalesOrder")
    assert [*dependent_rows(Records(), table, cursor(), of(A), send)] == []
    assert [*dependent_rows(Records(), LINES, None, of(A), send)] == []


def test_a_record_that_cannot_be_read_is_warned_of_and_asked_for_again(caplog):
    progress, brought = cursor(), of(A, B)
    assert [*dependent_rows(Records(fails_after=1), LINES, progress, brought, send)] == []
    assert "asked for again with the next sync" in caplog.text
    assert [*dependent_rows(Records(), LINES, progress, brought, send)] == [{"id": A}, {"id": B}]


def test_a_damaged_state_is_told_and_does_no_harm(caplog):
    brought = {("Company", "Default/SalesOrder"): {"1": "no ids"}}
    assert [*dependent_rows(Records(), LINES, cursor(), brought, send)] == []
    assert "do not come" in caplog.text


def test_of_what_was_brought_the_latest_is_kept_and_the_log_says_what_is_not(caplog):
    ids = [str(UUID(int=number)) for number in range(1, 401)]
    times = [f"2026-11-{day}T00:00:00.000000Z" for day in ("10", "20", "21")]
    brought = {}
    for at in times:
        brought = with_brought("here", brought, at, ids)
    assert list(brought) == times[2:]
    assert set(of_text(brought[times[2]])) == set(ids)
    assert [times[1] in line for line in caplog.messages] == [True], "those of the 10th have had time to be followed"
