from types import SimpleNamespace
from uuid import UUID

import pytest

from source_acumatica.airbyte.followed import followed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.record_ids import as_text

A, B, C = (str(UUID(int=number)) for number in range(1, 4))
LINES = SimpleNamespace(record_id="_parent_id", id_field="id", family="Default/SalesOrder")


class Records:
    tenant, where = "Company", "Tenant 'Company', stream SalesOrder__Details"

    def __init__(self, fails_after=99):
        self.asked, self._left = [], fails_after

    def by_ids(self, ids, *, is_unconditional):
        assert is_unconditional
        self.asked += ids
        for id_ in ids:
            self._left -= 1
            if self._left < 0:
                raise TimeoutError
            yield id_, None if id_ == C else {"id": id_}


def send(_reader, rows):
    yield from rows


def cursor(**part):
    state = {"states": [{"partition": {"tenant": "Company"}, **part}]}
    return TenantCursor("_parent_modified", ["Company"], state, lambda _state: None)


def of(*ids, family="Default/SalesOrder", tenant="Company"):
    return {(tenant, family): as_text(ids)}


def test_the_lines_of_what_was_found_come_once():
    progress, records = cursor(), Records()
    assert [*followed(records, LINES, progress, of(A, B, C), send)] == [{"id": A}, {"id": B}]
    assert [*followed(records, LINES, progress, of(A, B, C), send)] == []
    assert [*followed(records, LINES, progress, of(B), send)] == [{"id": B}]


@pytest.mark.parametrize(
    "brought",
    [{}, of(), of(A, family="Default/Customer"), of(A, tenant="Other")],
    ids=["none", "empty", "other", "far"],
)
def test_nothing_comes_where_nothing_was_found(brought):
    records = Records()
    assert [*followed(records, LINES, cursor(), brought, send)] == []
    assert records.asked == []


def test_records_do_not_follow_themselves_nor_does_a_full_refresh_follow():
    table = SimpleNamespace(record_id="id", id_field="id", family="Default/SalesOrder")
    assert [*followed(Records(), table, cursor(), of(A), send)] == []
    assert [*followed(Records(), LINES, None, of(A), send)] == []


def test_all_come_again_where_the_stream_failed():
    progress = cursor()
    with pytest.raises(TimeoutError):
        list(followed(Records(fails_after=1), LINES, progress, of(A, B), send))
    assert [*followed(Records(), LINES, progress, of(A, B), send)] == [{"id": A}, {"id": B}]


def test_a_damaged_state_is_told_and_does_no_harm(caplog):
    brought = {("Company", "Default/SalesOrder"): "no ids"}
    assert [*followed(Records(), LINES, cursor(), brought, send)] == []
    assert "do not come" in caplog.text
