"""Tests what is made of what each tenant's OData services describe, and of services that do not answer."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from integration_tests.simulator.odata.dialects import Version
from integration_tests.simulator.odata.metadata import inquiries_metadata
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.metadata import read_metadata
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.reading.fields import FieldKind
from unit_tests.odata.edm import a_set, an_entity, small
from unit_tests.odata.entity_set import settings
from unit_tests.odata.table_service import CLOSED, PASSING, TableService

INQUIRIES, TABLES = ODataFeed.INQUIRIES, ODataFeed.TABLES
TEXT = "Edm.String"


def service_of(**entities):
    """A description with an entity set for each of the entities, which are columns; the first is the key."""
    types = "".join(an_entity(name, columns, keys=[*columns][:1]) for name, columns in entities.items())
    return small(types, "".join(a_set(name, f"N.{name}") for name in entities))


class Services(TableService):
    """Each tenant's services by their descriptions, or with what they fail by; the rows are those of all tenants."""

    def __init__(self, rows=None, **tenants):
        super().__init__(rows or {})
        self.tenants, self.described = tenants, []

    def describe(self, tenant, feed, is_wanted, *, keeps_links=False):
        self.described.append((tenant, feed))
        found = self.tenants[tenant][feed]
        if not isinstance(found, bytes):
            raise RequestFailed(found, f"Tenant '{tenant}', description of {feed}")
        return read_metadata([found], is_wanted, with_links=keeps_links)


def inquiries(**entities):
    return {INQUIRIES: service_of(**entities)}


def tables(content):
    return {TABLES: content}


def surveyed(service, *, streams=None, dacs=(), **more):
    survey = ODataSurvey(service, settings(**{"tenants": [*service.tenants], **more}), streams)
    for tenant in service.tenants:
        survey.visit(tenant, dacs)
    return survey


ORDERS, CUSTOMERS = {"Nbr": TEXT, "Total": "Edm.Decimal"}, {"Code": TEXT, "Name": TEXT}
DACS = {"dac_tables": ["*"], "generic_inquiries": []}


# --------------------------------------------------------------------------------------------- services that are closed


@pytest.mark.parametrize("status", [401, 403, 404])
def test_closed_inquiries_are_a_warning_where_the_settings_name_none(status, caplog):
    survey = surveyed(Services(A={INQUIRIES: replace(CLOSED, status=status)}))
    assert survey.tables == {}
    assert "Going on without." in caplog.text
    assert survey.does_without(survey.failures["A", INQUIRIES])


@pytest.mark.parametrize(
    ("feed", "problem", "named"),
    [
        (INQUIRIES, CLOSED, {"generic_inquiries": ["Orders"]}),
        (TABLES, CLOSED, DACS),
        (INQUIRIES, PASSING, {}),
    ],
    ids=["an inquiry is named", "a table is named", "the failure may pass"],
)
def test_anything_else_that_does_not_answer_fails_the_discovery(feed, problem, named):
    """A catalog does not depend on the weather."""
    with pytest.raises(RequestFailed, match=problem.sentence):
        surveyed(Services(A={feed: problem}), **named)


def test_for_a_read_what_fails_is_unknown_and_the_rest_is_read():
    service = Services(A={INQUIRIES: PASSING}, B=inquiries(Orders=ORDERS, Others=ORDERS))
    survey = surveyed(service, streams=["gi__Orders"], generic_inquiries=["Orders", "Others"], dac_tables=["X"])
    assert survey.failures.keys() == {("A", INQUIRIES)}
    assert {tenant: {*own} for tenant, own in survey.own.items()} == {"A": set(), "B": {"gi__Orders"}}
    assert service.described == [("A", INQUIRIES), ("B", INQUIRIES)], "no stream of the tables is read"


# ----------------------------------------------------------------------------------------------------- streams, columns


def test_a_stream_has_the_columns_of_all_tenants_and_each_is_asked_for_its_own():
    service = Services(A=inquiries(Orders={"Nbr": TEXT, "Old": TEXT}), B=inquiries(Orders={"Nbr": TEXT, "New": TEXT}))
    survey = surveyed(service)
    assert {*survey.tables["gi__Orders"].fields} == {"Nbr", "Old", "New"}
    assert {*survey.own["A"]["gi__Orders"].fields} == {"Nbr", "Old"}
    assert survey.titles == {"Orders"}


def test_only_what_the_settings_name_becomes_a_stream():
    shown = service_of(SOOrder=ORDERS, Users=CUSTOMERS)
    service = Services(A=inquiries(Orders=ORDERS, Customers=CUSTOMERS) | tables(shown))
    survey = surveyed(service, generic_inquiries=["Ord*"], dac_tables=["SOOrder"])
    assert {*survey.tables} == {"gi__Orders", "dac__SOOrder"}


def namesakes():
    """Two tables with one short name, in namespaces of their own."""
    own = small(an_entity("Bill", {"Own": TEXT}), a_set("Acme_Bill", "Acme.Bill"), "Acme").decode()
    theirs = small(an_entity("Bill", {"Theirs": TEXT}), a_set("Bill", "PX.Objects.Bill"), "PX.Objects").decode()
    schema = own.partition("<DataServices>")[2].partition("</DataServices>")[0]
    return theirs.replace("</DataServices>", f"{schema}</DataServices>").encode()


def test_tables_of_one_short_name_have_their_full_names_and_a_stream_keeps_the_table_that_it_was_offered_for():
    service = Services(A=tables(namesakes()))
    assert {*surveyed(service, **DACS).tables} == {"dac__Acme_Bill", "dac__PX_Objects_Bill"}
    read = surveyed(service, streams=["dac__Bill", "dac__Acme_Bill"], **DACS)
    assert {name: [*table.fields] for name, table in read.tables.items()} == {
        "dac__Bill": ["Theirs"],
        "dac__Acme_Bill": ["Own"],
    }


def test_a_short_name_that_means_another_table_in_another_tenant_is_no_name_of_a_stream():
    own, theirs = (
        small(an_entity("Bill", {"Nbr": TEXT}), a_set("Bill", f"{name}.Bill"), name) for name in ("Acme", "PX.Objects")
    )
    survey = surveyed(Services(A=tables(own), B=tables(theirs)), **DACS)
    assert {tenant: {*found} for tenant, found in survey.own.items()} == {
        "A": {"dac__Acme_Bill"},
        "B": {"dac__PX_Objects_Bill"},
    }


def test_credentials_of_other_systems_are_no_columns_and_the_log_names_them(caplog):
    caplog.set_level(logging.INFO, "airbyte")
    columns = {"Code": TEXT, "FtpPassword": TEXT, "PasswordChangeable": "Edm.Boolean"}
    service = Services(A=inquiries(Sites=columns) | tables(service_of(Site=columns)))
    survey = surveyed(service, dac_tables=["*"])
    assert {name: [*table.fields] for name, table in survey.tables.items()} == {
        "gi__Sites": ["Code", "PasswordChangeable"],
        "dac__Site": ["Code", "PasswordChangeable"],
    }
    assert caplog.text.count("left out, since they hold credentials of other systems: FtpPassword.") == 2


def test_a_column_of_a_type_that_is_not_known_is_named_and_not_guessed(caplog):
    survey = surveyed(Services(A=inquiries(Orders={"Nbr": TEXT, "Place": "Edm.Geography"})))
    assert survey.tables["gi__Orders"].fields["Place"] is FieldKind.UNKNOWN
    assert "Tenant 'A', Orders: Place is of the unknown type Edm.Geography; it comes as it is." in caplog.text


# ----------------------------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("rows", "are_unique"),
    [([{"Nbr": "1"}, {"Nbr": "2"}], True), ([{"Nbr": "1"}, {"Nbr": "1"}], False), ([], True)],
    ids=["unique", "repeated", "no rows"],
)
def test_the_key_of_an_inquiry_is_tried_on_its_rows(rows, are_unique):
    survey = surveyed(Services({"Orders": rows}, A=inquiries(Orders=ORDERS)))
    survey.probe("A")
    assert survey.tables["gi__Orders"].are_keys_unique is are_unique
    assert survey.own["A"]["gi__Orders"].are_keys_unique is are_unique


def test_a_key_that_could_be_tried_in_no_tenant_is_none_and_one_tenant_is_enough():
    service = Services({"Orders": [{"Nbr": "1"}]}, A=inquiries(Orders=ORDERS), B=inquiries(Orders=ORDERS))
    service.refuses = lambda _resource, _params: CLOSED
    survey = surveyed(service)
    survey.probe("A")
    assert not survey.tables["gi__Orders"].are_keys_unique
    service.refuses = lambda _resource, _params: None
    survey.probe("B")
    assert survey.tables["gi__Orders"].are_keys_unique


def test_a_form_has_note_ids_only_if_its_table_has_them_wherever_that_could_be_asked():
    def form(tenant):
        return tables(service_of(Order={"Nbr": TEXT, "NoteID": "Edm.Guid"}, Bill={"Nbr": TEXT, **tenant}))

    def survey(**more):
        both = Services(A=form({"NoteID": "Edm.Guid"}), B=form({}))
        return surveyed(both, dacs=["N.Order", "N.Bill", "N.Hidden", ""], generic_inquiries=[], **more)

    found = survey(track_deletions=True)
    assert [found.has_note_id(dac) for dac in ("N.Order", "N.Bill", "N.Hidden", "")] == [True, False, False, False]
    assert found.tables == {}, "they are looked at, and no streams"
    assert not survey().has_note_id("N.Order"), "nobody wants to know"


# ----------------------------------------------------------------------------------------------------------- parameters


WITH_PARAMETERS = {INQUIRIES: b"".join(inquiries_metadata(Version.V4))}
TITLE, FITTING = "Orders by Customer", [("Customer", "C1"), ("MinTotal", "1.5")]


def given_for(values):
    return [{"inquiry": TITLE, "name": name, "value": value} for name, value in values]


@pytest.mark.parametrize(
    ("named", "given", "complaints"),
    [
        ({}, [], 0),
        ({"generic_inquiries": [TITLE]}, [], 1),
        ({}, [("Custmer", "C1")], 1),
        ({"generic_inquiries": [TITLE]}, FITTING, 0),
    ],
    ids=["only the default offers it", "it is named", "values are given for it", "the value fits"],
)
def test_an_inquiry_that_somebody_wants_has_to_be_readable(named, given, complaints, caplog):
    service = Services(A=WITH_PARAMETERS, B=WITH_PARAMETERS)
    survey = surveyed(service, inquiry_parameters=given_for(given), **named)
    survey.check_parameters()
    assert [error.failure_type for error in survey.complaints] == [FailureType.config_error] * complaints
    can_be_read = given is FITTING
    said = [each for each in caplog.messages if f"Until then, gi__{TITLE} cannot be read." in each]
    assert len(said) == (not can_be_read), "once, for the first tenant"
    assert (TITLE in {table.title for table in survey.able("A")}) is can_be_read


def test_a_value_for_a_parameter_that_only_another_tenants_inquiry_has_is_not_for_this_tenant():
    plain = {INQUIRIES: small(an_entity("T", {"A": TEXT}), a_set(TITLE, "N.T"))}
    values = given_for(FITTING)
    survey = surveyed(Services(A=plain, B=WITH_PARAMETERS), inquiry_parameters=values)
    survey.check_parameters()
    assert survey.complaints == []
    assert survey.own["A"][f"gi__{TITLE}"].others_parameters == {"Customer", "MinTotal"}
    nobody = surveyed(Services(A=plain), inquiry_parameters=values)
    nobody.check_parameters()
    assert len(nobody.complaints) == 1
