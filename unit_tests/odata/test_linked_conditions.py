"""Tests of which links belong to a record, and of the conditions on them."""

from __future__ import annotations

import pytest

from source_acumatica.erp.addresses import LONGEST_QUERY_CHARACTERS, encode
from source_acumatica.odata.linked_conditions import LinkedStamp, filter_of, in_requests, own_links
from source_acumatica.odata.metadata import EntitySet, Link
from source_acumatica.reading.fields import FieldKind

SINCE = "2026-11-10T08:15:30.250000Z"
STAMPED = {"LastModifiedDateTime": FieldKind.DATE_TIME, "Note": FieldKind.STRING}


def an_order(*links, keys=("OrderType", "OrderNbr"), fields=None):
    fields = {"NoteID": FieldKind.GUID} if fields is None else fields
    return EntitySet(("SOOrder",), "PX.Objects.SO.SOOrder", keys, fields, {}, True, links=links)


def many(name, *keys, fields=STAMPED):
    return Link(name, f"PX.Objects.SO.{name.removesuffix('Collection')}", True, keys, fields)


def one(name, *keys, fields=STAMPED, pairs=()):
    return Link(name, f"PX.Objects.SO.{name.partition('By')[0]}", False, keys, fields, pairs)


KEY = ("OrderType", "OrderNbr")
SAME_KEY = tuple(zip(KEY, KEY, strict=True))
ORIGINAL = (("OrigOrderType", "OrderType"), ("OrigOrderNbr", "OrderNbr"))


@pytest.mark.parametrize(
    "link",
    [
        many("SOLineCollection", "OrderType", "OrderNbr", "LineNbr"),
        many("SOLineSplitCollection", "OrderType", "OrderNbr", "LineNbr", "SplitLineNbr"),
        many("CSAnswersCollection", "RefNoteID", "AttributeID"),
        one("SOBillingAddressByBillAddressID", "AddressID"),
        one("SOBillingContactByBillContactID", "ContactID"),
        one("AddressByAddressID", "AddressID"),
        one("ContactByDefContactID", "ContactID"),
        one("SOOrderRiskByOrderNbr", *KEY, pairs=SAME_KEY[::-1]),
    ],
    ids=lambda link: link.name,
)
def test_lines_attributes_addresses_and_contacts_belong_to_the_record(link):
    assert own_links(an_order(link)) == [LinkedStamp(link.name, "LastModifiedDateTime", link.is_many)]


@pytest.mark.parametrize(
    "link",
    [
        many("SOShipLineCollection", "ShipmentNbr", "LineNbr"),
        many("SOOrderCollection", "OrderType", "OrderNbr"),
        many("NothingCollection"),
        many("CRActivityCollection", "NoteID"),
        one("CustomerByCustomerID", "AcctCD"),
        one("ContactByContactID", "ContactID"),
        one("SOOrderByOrigOrderType", *KEY, pairs=ORIGINAL),
        one("SOOrderByOrigOrderNbr", *KEY),
        # It might go by another type: nothing is described, or only a part.
        one("SOOrderByOrderNbr", *KEY),
        one("SOOrderByOrderType", *KEY, pairs=SAME_KEY[:1]),
        one("SOOrderTypeByOrderType", "OrderType"),
    ],
    ids=lambda link: link.name,
)
def test_other_documents_and_master_records_do_not(link):
    assert own_links(an_order(link)) == []


def test_the_lines_of_an_invoice_call_its_first_key_by_another_name():
    lines = many("ARTranCollection", "TranType", "RefNbr", "LineNbr")
    assert own_links(an_order(lines, keys=("DocType", "RefNbr")))


def test_a_key_of_one_column_is_told_by_the_name_unless_the_description_says_otherwise():
    risk = one("SORiskByOrderNbr", "OrderNbr")
    assert own_links(an_order(risk, keys=("OrderNbr",)))
    other = one("SORiskByOrderNbr", "OrderNbr", pairs=(("OrigOrderNbr", "OrderNbr"),))
    assert own_links(an_order(other, keys=("OrderNbr",))) == []


def test_a_table_without_keys_has_no_lines_and_one_without_ids_no_attributes():
    lines = many("SOLineCollection", "OrderType", "OrderNbr", "LineNbr")
    assert own_links(an_order(lines, keys=())) == []
    assert own_links(an_order(many("CSAnswersCollection", "RefNoteID", "AttributeID"), fields={})) == []


def test_a_link_without_a_stamp_says_nothing_and_the_best_of_several_is_taken():
    keys = ("OrderType", "OrderNbr", "LineNbr")
    assert own_links(an_order(many("L", *keys, fields={"Note": FieldKind.STRING}))) == []
    both = {"LastModifiedOn": FieldKind.DATE_TIME, "LastModified": FieldKind.DATE_TIME}
    assert own_links(an_order(many("L", *keys, fields=both))) == [LinkedStamp("L", "LastModified", True)]


def test_conditions_are_joined_by_or_and_have_the_word_that_is_asked_for():
    links = [LinkedStamp("Lines", "At", True), LinkedStamp("AddressByX", "On", False)]
    assert filter_of(links, SINCE, "any") == (
        "Lines/any(x: x/At ge 2026-11-10T08:15:30.250Z) or AddressByX/On ge 2026-11-10T08:15:30.250Z"
    )


def test_links_are_spread_over_requests_that_fit_each_once():
    links = [
        LinkedStamp(f"VeryLongNameOfALink{number:02d}Collection", "LastModifiedDateTime", True) for number in range(60)
    ]
    requests = [*in_requests(links, SINCE)]
    assert [link for some in requests for link in some] == links
    assert 1 < len(requests) < 10
    lengths = [len(encode({"$filter": filter_of(some, SINCE, "Any")})) for some in requests]
    assert all(length < LONGEST_QUERY_CHARACTERS for length in lengths)
    assert min(lengths[:-1]) > LONGEST_QUERY_CHARACTERS / 2
    assert [*in_requests([], SINCE)] == []
