"""Tests which rows of a table count as deleted: what the ERP lists, and what it only flags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.deletions import Deletions, NoFlagsError, NotTrackedError, sets_of
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID, ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from unit_tests.odata.table_service import (
    CLOSED,
    DELETIONS,
    MISSING,
    PASSING,
    REFUSED,
    T0900,
    T1000,
    T1100,
    T1200,
    T1300,
    TableService,
    deleted,
    flat,
    of,
)

A, B, C = (f"0000000{digit}-0000-0000-0000-000000000000" for digit in "abc")
STAMP = "LastModifiedDateTime"
FIELDS = {NOTE_ID: FieldKind.GUID, STAMP: FieldKind.DATE_TIME}
TABLE = ODataTable(ODataFeed.TABLES, "Order", "Order", FIELDS, is_tracked=True, has_flags=True)
BY_MILLISECOND = "2026-11-22T10:00:00.000999Z"


def row(note_id, at=T0900, **more):
    return {NOTE_ID: note_id, STAMP: at, **more}


def deletions_of(service, *, sets=("Order",), **more):
    return Deletions("A", service, sets, "here", **more)


def listing(*rows, there=(), **how):
    return TableService({"Order": list(there), f"Order{DELETIONS}": list(rows)}, **how)


def summary(removals):
    return [(each.id, each.at, each.behind) for each in removals]


# ------------------------------------------------------------------------------------------------- what the ERP lists


def test_deletions_come_from_the_position_on_with_the_latest_time_that_they_may_mean():
    service = listing(deleted(A, "2026-11-22T09:00:00Z"), deleted(B, "2026-11-22T10:00:00.000Z"))
    assert summary(flat(deletions_of(service).listed(T1000))) == [(B, T1000, BY_MILLISECOND)]
    assert [each.id for each in flat(deletions_of(service).listed(None))] == [A, B]


def test_a_deletion_without_a_time_counts_as_of_now_and_wins_against_the_row_that_was_sent():
    service = listing(deleted(A, None))
    (removal,) = flat(deletions_of(service, newest=T1300).listed(None))
    assert (removal.at, removal.behind) == (T1200, T1300)
    far = "2999-01-01T00:00:00.000000Z"
    (removal,) = flat(deletions_of(service, newest=far).listed(None))
    assert removal.behind == "2026-11-23T12:00:00.000000Z", "a stamp far in the future says nothing of the clock"


def test_a_deletion_that_says_no_id_is_counted_in_a_warning_and_the_others_come(caplog):
    service = listing(deleted(None, T0900), deleted(A, T1000))
    assert [each.id for each in flat(deletions_of(service).listed(None))] == [A]
    assert "1 of the deletions that the ERP lists do not say which record is gone" in caplog.text


def test_a_deletion_behind_a_sent_stamp_is_moved_behind_it_only_where_the_record_is_gone():
    rows = [deleted(A, T0900), deleted(B, T0900), deleted(C, T1100)]
    service = listing(*rows, there=[row(B.upper(), T1000)])
    found = {each.id: each.behind for each in flat(deletions_of(service, sent_by=T1000).listed(None))}
    assert found[A] == T1000
    assert found[B] < T1000, "it is there again, and its row was sent later"
    assert found[C] >= T1100


def test_records_of_which_it_cannot_be_asked_whether_they_are_gone_keep_their_time():
    def refuses(_name, params):
        return REFUSED if params.get("$filter", "").startswith(NOTE_ID) else None

    service = listing(deleted(A, T0900), refuses=refuses)
    (removal,) = flat(deletions_of(service, sent_by=T1000).listed(None))
    assert removal.behind < T1000


@pytest.mark.parametrize("problem", [REFUSED, MISSING], ids=["refused", "missing"])
def test_a_refused_list_means_that_the_table_is_not_tracked(problem):
    with pytest.raises(NotTrackedError, match=problem.sentence[:15]):
        flat(deletions_of(listing(refuses=of(problem))).listed(None))


@pytest.mark.parametrize("problem", [PASSING, CLOSED], ids=["passing", "closed"])
def test_a_list_that_fails_otherwise_says_nothing_of_tracking(problem):
    with pytest.raises(RequestFailed):
        flat(deletions_of(listing(refuses=of(problem))).listed(None))


def test_a_list_that_fails_in_its_middle_is_never_taken_for_an_untracked_table():
    service = listing(*(deleted(f"{number:08}", T0900) for number in range(9)))
    service.refuses = lambda _name, params: MISSING if "$skip" in params else None
    deletions = deletions_of(service, most_rows=3)
    found = deletions.listed(None)
    assert len(next(found)) == 3
    with pytest.raises(RequestFailed, match="no such address"):
        list(found)


def test_the_surest_name_that_exists_is_asked_and_no_other_one():
    service = TableService({"PX_Order": [row(A)], "Order": [row(B), row(C)]})
    assert deletions_of(service, sets=("PX_Order", "Order")).has_any([A])
    assert [resource for resource, _ in service.requests] == ["PX_Order"]
    assert deletions_of(service, sets=("Gone", "Order")).has_any([B])
    assert not deletions_of(service, sets=("Gone", "Order")).has_any([A])


def test_a_table_has_rows_if_one_is_shown():
    assert deletions_of(listing(there=[row(A)])).has_rows()
    assert not deletions_of(listing()).has_rows()


def test_a_full_name_goes_before_a_short_one():
    assert sets_of("PX.Objects.SO.SOOrder") == ("PX_Objects_SO_SOOrder", "SOOrder")


# ------------------------------------------------------------------------------------------------- what the ERP flags

ROWS = [row(A, T0900, **{DELETED_FLAG: False}), row(B, T1000, **{DELETED_FLAG: True})]


def flagged(service, table=TABLE, **more):
    return summary(flat(deletions_of(service, table=table, **more).flagged()))


def test_a_flagged_row_is_deleted_at_its_last_change_and_wins_against_what_was_sent():
    assert flagged(TableService({"Order": ROWS}), newest=T1100) == [(B, T1000, T1100)]
    assert flagged(TableService({"Order": ROWS}), newest=T1100, has_own_stamp=True) == [(B, T1000, T1000)]


def test_the_flag_in_the_row_decides_and_not_the_filter():
    class Ignoring(TableService):
        def _found(self, rows, params, headers):
            params = {name: value for name, value in params.items() if name != "$filter"}
            return super()._found(rows, params, headers)

    assert [id_ for id_, *_ in flagged(Ignoring({"Order": ROWS}))] == [B]


def test_where_the_filter_is_refused_the_flag_of_all_rows_is_read():
    service = TableService({"Order": ROWS}, lambda _name, params: REFUSED if "$filter" in params else None)
    assert [id_ for id_, *_ in flagged(service)] == [B]


class Unflagged(TableService):
    """Its flag can be neither filtered by nor selected: the header alone shows which rows have it."""

    def rows(self, tenant, feed, resource, params, **request):
        self.refuses = lambda _name, params: REFUSED if DELETED_FLAG in str(params) else None
        return super().rows(tenant, feed, resource, params, **request)


def test_where_the_flag_is_not_shown_the_rows_that_come_only_with_the_header_are_deleted():
    assert [id_ for id_, *_ in flagged(Unflagged({"Order": ROWS}))] == [B]


def test_a_row_that_was_inserted_between_two_lists_is_not_deleted():
    class Growing(Unflagged):
        def _found(self, rows, params, headers):
            if "PX-ApiDeleted" in headers and len(self.sets["Order"]) == len(ROWS):
                self.sets["Order"] = [*rows, row(C, T1100)]
            return super()._found(self.sets["Order"], params, headers)

    assert [id_ for id_, *_ in flagged(Growing({"Order": ROWS}))] == [B]


def test_a_table_without_the_flag_is_not_asked_for_it_where_that_is_known():
    service = TableService({"Order": ROWS})
    with pytest.raises(NoFlagsError):
        flagged(service, replace(TABLE, has_flags=False))
    assert service.requests == []


def test_a_table_that_says_it_has_no_such_column_has_no_flags():
    sentence = f"refused (the ERP says: Could not find a property named '{DELETED_FLAG}' on type 'Order')"
    service = TableService({"Order": ROWS}, of(replace(REFUSED, sentence=sentence)))
    with pytest.raises(NoFlagsError):
        flagged(service, table=None)


def test_a_service_that_does_not_answer_is_not_a_table_without_flags():
    service = TableService({"Order": ROWS}, of(PASSING))
    with pytest.raises(RequestFailed, match="no answer"):
        flagged(service)
    assert len(service.requests) == 1
