"""Tests which field is taken for the stamp of a record's last change."""

from __future__ import annotations

import pytest

from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.table import cursor_of

STRING, INTEGER, DECIMAL = FieldKind.STRING, FieldKind.INTEGER, FieldKind.DECIMAL
STAMP, GUID = FieldKind.DATE_TIME, FieldKind.GUID


@pytest.mark.parametrize(
    ("names", "cursor"),
    [
        (["LastModifiedDateTime"], "LastModifiedDateTime"),
        (["LastModified"], "LastModified"),
        (["LastModifiedOn"], "LastModifiedOn"),
        (["LastModifiedDate"], "LastModifiedDate"),
        (["LastModifDateTime"], "LastModifDateTime"),
        (["LastModifiedDate", "LastModifiedDateTime"], "LastModifiedDateTime"),
        (["LastModifiedOn", "LastModified", "LastModifiedDateTime"], "LastModifiedDateTime"),
        (["LastModifiedDate", "LastModifiedOn"], "LastModifiedOn"),
        (["LastModifiedOn", "LastModified"], "LastModified"),
        (["LastModifOn", "LastModifDate"], "LastModifDate"),
        (["LastModif", "LastModifiedDate"], "LastModifiedDate"),
        (["LastModifiedByID"], None),
        (["CreatedDateTime", "Date"], None),
        (["XLastModified"], None),
        ([], None),
    ],
    ids=str,
)
def test_the_cursor_is_the_stamp_of_the_last_change(names, cursor):
    assert cursor_of(dict.fromkeys(names, STAMP)) == cursor
    assert cursor_of(dict.fromkeys(reversed(names), STAMP)) == cursor


def test_a_stamp_that_is_no_instant_or_not_at_the_top_is_no_cursor():
    assert cursor_of({"LastModifiedDateTime": STRING}) is None
    inner = Shape({"LastModifiedDateTime": STAMP})
    assert cursor_of(Shape({}, {"Contact": inner}, {"Details": inner}).fields) is None
