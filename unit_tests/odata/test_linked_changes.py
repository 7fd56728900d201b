"""Tests of the question which records have a changed line, address or other linked row."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.linked_changes import LinkedChanges
from source_acumatica.odata.metadata import EntitySet, Link, Metadata
from source_acumatica.odata.pages import ODataPage
from source_acumatica.reading.fields import FieldKind
from unit_tests.odata.entity_set import refusal

DAC = "PX.Objects.SO.SOOrder"
EARLY, LATE = "2026-11-10T00:00:00.000000Z", "2026-11-20T00:00:00.000000Z"
STAMPED = {"LastModifiedDateTime": FieldKind.DATE_TIME}
KEYS = ("OrderType", "OrderNbr")
LINES = Link("SOLineCollection", "PX.Objects.SO.SOLine", True, (*KEYS, "LineNbr"), STAMPED)
TAXES = Link("SOTaxTranCollection", "PX.Objects.SO.SOTaxTran", True, (*KEYS, "TaxID"), STAMPED)
ADDRESS = Link("SOAddressByBillAddressID", "PX.Objects.SO.SOAddress", False, ("AddressID",), STAMPED)


def forbidden():
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, "forbidden (403)", status=403))


class Service:
    """Orders, by the links through which a change is found: each has the ids of its records."""

    def __init__(self, changed=None, links=(ADDRESS, LINES, TAXES), fields=None, refuses=lambda _text: None):
        self.changed = {"SOLineCollection": ["B1", "a1"]} if changed is None else changed
        fields = {"NoteID": FieldKind.GUID} if fields is None else fields
        names = ("Sales_Order", "PX_Objects_SO_SOOrder")
        self.table = EntitySet(names, DAC, KEYS, fields, {}, True, links=tuple(links))
        self.refuses, self.failure = refuses, None
        self.descriptions, self.asked, self.resources, self.headers = 0, [], set(), []

    def describe(self, _tenant, _feed, is_wanted, *, with_links):
        assert with_links
        self.descriptions += 1
        if self.failure:
            raise self.failure
        sets = (self.table,) if is_wanted("Sales_Order", DAC) else ()
        return Metadata(4, sets, {})

    def rows(self, _tenant, _feed, resource, params, **request):
        text = params.get("$filter", "")
        if "$skip" not in params:
            self.asked.append(text)
        self.resources.add(resource)
        self.headers.append(request["headers"])
        if error := self.refuses(text):
            raise error
        ids = sorted({one for link, some in self.changed.items() if link in text for one in some})
        skip = int(params.get("$skip", 0))
        return ODataPage([{"NoteID": one} for one in ids[skip : skip + int(params.get("$top", 1000))]], 10, None)

    def linked_rows(self, first, *_where, **_request):
        yield first.rows

    def follow(self, *_link, **_request):
        raise AssertionError("there are no links to further pages")


def ask(service, since=EARLY, **more):
    return LinkedChanges(service, **more).ids("A", DAC, since, "Stream SalesOrder")


def test_the_records_of_all_links_are_named_once_in_lower_case():
    service = Service({"SOLineCollection": ["B1", "A1"], "SOAddressByBillAddressID": ["A1", "C1"]})
    assert ask(service) == ("a1", "b1", "c1")
    assert service.resources == {"PX_Objects_SO_SOOrder"}, "the name that is made of the full one is its own"


def test_more_records_than_a_page_has_are_all_named():
    ids = [f"{number:04d}" for number in range(1234)]
    assert ask(Service({"SOLineCollection": ids})) == tuple(ids)


def test_a_table_is_asked_once_for_all_streams_from_the_earliest_time_on():
    service = Service()
    changes = LinkedChanges(service)
    changes.expect("A", DAC, EARLY)
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(lambda _turn: changes.ids("A", DAC, LATE, "Stream SalesOrder"), range(4))]
    assert answers == [("a1", "b1")] * 4
    assert service.descriptions == 1
    (text,) = service.asked
    assert "2026-11-10T00" in text


def test_a_time_before_the_one_asked_for_is_asked_for_again():
    service = Service()
    changes = LinkedChanges(service)
    for since in (LATE, EARLY, LATE):
        assert changes.ids("A", DAC, since, "Stream SalesOrder") == ("a1", "b1")
    assert [text.count("2026-11-20") > 0 for text in service.asked] == [True, False]


def test_the_headers_go_with_each_request():
    service = Service()
    ask(service, headers={"PX-ApiArchive": "SHOW"})
    assert service.headers
    assert all(each == {"PX-ApiArchive": "SHOW"} for each in service.headers)


def test_a_table_without_own_links_is_not_asked():
    service = Service(links=())
    assert ask(service) == ()
    assert service.asked == []


@pytest.mark.parametrize("word", ["Any", "any"])
def test_the_spelling_that_the_erp_refuses_is_tried_once(word, caplog):
    service = Service(refuses=lambda text: None if f"/{word}(" in text or not text else refusal())
    changes = LinkedChanges(service)
    assert changes.ids("A", DAC, LATE, "S") == changes.ids("A", DAC, EARLY, "S") == ("a1", "b1")
    assert f"/{word}(" in service.asked[-1]
    wrong = [text for text in service.asked if text and f"/{word}(" not in text]
    assert {text.count("2026-11-10") for text in wrong} <= {0}, "the second question knows the spelling"
    assert caplog.messages == []


def test_a_link_that_is_refused_is_named_once_and_the_others_are_asked(caplog):
    service = Service(refuses=lambda text: refusal() if "SOTaxTran" in text else None)
    changes = LinkedChanges(service)
    assert changes.ids("A", DAC, LATE, "S") == ("a1", "b1")
    (warning,) = caplog.messages
    assert "without SOTaxTranCollection:" in warning
    service.asked.clear()
    assert changes.ids("A", DAC, EARLY, "S") == ("a1", "b1")
    assert len(service.asked) == 1, "what was refused is not asked for again"
    assert len(caplog.messages) == 1


def test_a_link_to_a_table_that_the_user_may_not_read_is_left_out():
    service = Service(refuses=lambda text: forbidden() if "SOTaxTran" in text else None)
    assert ask(service) == ("a1", "b1")


def test_links_that_are_too_much_only_together_are_asked_for_apart(caplog):
    service = Service(refuses=lambda text: refusal() if len(re.findall(" or ", text)) > 1 else None)
    assert ask(service) == ("a1", "b1")
    assert caplog.messages == []


def test_where_every_link_is_refused_there_is_no_answer_and_one_warning(caplog):
    service = Service(refuses=lambda text: refusal() if text else None)
    changes = LinkedChanges(service)
    assert [changes.ids("A", DAC, since, "S") for since in (LATE, EARLY)] == [None, None]
    (warning,) = caplog.messages
    assert all(name in warning for name in ("SOLineCollection", "SOTaxTranCollection", "SOAddressByBillAddressID"))


def test_a_table_that_cannot_be_asked_at_all_is_not_searched_for_the_link_to_blame(caplog):
    service = Service(refuses=lambda _text: forbidden())
    assert ask(service) is None
    assert len(caplog.messages) == 1
    assert len(service.asked) < 6


def test_where_odata_is_closed_there_is_one_warning_for_the_tenant(caplog):
    service = Service()
    service.failure = forbidden()
    changes = LinkedChanges(service)
    assert changes.ids("A", DAC, LATE, "S") is None
    assert changes.ids("A", "PX.Objects.AR.Customer", LATE, "S") is None
    assert len(caplog.messages) == service.descriptions == 1


@pytest.mark.parametrize("fields", [{}, {"Other": FieldKind.GUID}])
def test_a_table_without_ids_cannot_be_asked(fields, caplog):
    assert ask(Service(fields=fields)) is None
    assert "NoteIDs" in caplog.messages[0]


def test_a_table_that_the_tenant_lacks_cannot_be_asked_and_one_not_expected_is_described_later(caplog):
    service = Service()
    changes = LinkedChanges(service)
    assert changes.ids("A", "PX.Objects.PM.PMProject", LATE, "S") is None
    assert "PX.Objects.PM.PMProject" in caplog.messages[0]
    assert changes.ids("A", DAC, LATE, "S") == ("a1", "b1")
    assert service.descriptions == 2


@pytest.mark.parametrize("when", ["description", "rows"])
def test_a_failure_that_may_pass_is_raised_and_not_tried_in_vain_by_other_streams(when):
    passing = RequestFailed(Problem(Action.RETRY, FailureType.transient_error, "the ERP did not answer", status=503))
    service = Service(refuses=lambda _text: passing if when == "rows" else None)
    service.failure = passing if when == "description" else None
    changes = LinkedChanges(service)
    with pytest.raises(RequestFailed, match="did not answer"):
        changes.ids("A", DAC, LATE, "S")
    service.failure, service.refuses = None, lambda _text: None
    with pytest.raises(RequestFailed, match="did not answer"):
        changes.ids("A", DAC, LATE, "S2")
    assert LinkedChanges(service).ids("A", DAC, LATE, "S") == ("a1", "b1")
