"""Tests which tables and inquiries the settings mean, and that names which stand for nothing are refused by name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.odata.wanted import WantedTables
from unit_tests.odata.entity_set import settings

NO_FORMS = SimpleNamespace(patterns=(), matched=())


def wanted(titles=(), dacs=(), **given):
    """The settings, after these inquiries and tables were found."""
    found = WantedTables(settings(**given))
    for title in titles:
        found.wants_inquiry(title)
    for dac in dacs:
        found.wants_dac(dac)
    return found


def refusal(found, forms=NO_FORMS, failed=()):
    with pytest.raises(AirbyteTracedException) as raised:
        found.refuse_unmatched(forms, failed)
    assert raised.value.failure_type is FailureType.config_error
    return raised.value.message


@pytest.mark.parametrize(
    ("pattern", "is_wanted"),
    [("SOOrder", True), ("PX.Objects.SO.SOOrder", True), ("PX.Objects.*", True), ("SO*", True), ("soorder", False)],
)
def test_a_table_is_meant_by_its_short_name_its_full_one_or_a_pattern(pattern, is_wanted):
    assert wanted(dac_tables=[pattern]).wants_dac("PX.Objects.SO.SOOrder") is is_wanted


def test_an_inquiry_is_meant_by_its_title_however_its_accents_are_written():
    found = wanted(generic_inquiries=["Vue ge\u0301ne\u0301rale"])
    assert found.wants_inquiry("Vue g\u00e9n\u00e9rale")
    assert not found.wants_inquiry("Vue")
    found.refuse_unmatched(NO_FORMS, ())


def test_a_read_needs_the_descriptions_of_its_own_streams_only():
    found = wanted(dac_tables=["SO*"])
    assert found.needs_description("PX.SOOrder", None)
    assert found.needs_description("PX.SOOrder", ["dac__SOOrder"])
    assert found.needs_description("PX.SOOrder", ["dac__PX_SOOrder"])
    assert not found.needs_description("PX.SOOrder", ["dac__SOLine"])
    assert not found.needs_description("PX.Batch", None)


def test_names_that_no_tenant_has_are_refused_and_the_default_is_not():
    wanted(generic_inquiries=["*"], dac_tables=[]).refuse_unmatched(NO_FORMS, ())
    message = refusal(wanted(["Orders"], generic_inquiries=["Orders", "Odrers", "Sales*"]))
    assert "generic_inquiries: no tenant has Odrers, Sales*. Check the names" in message
    assert "dac_tables: no tenant has SOOrdr." in refusal(wanted(dacs=["PX.SOOrder"], dac_tables=["SOOrder", "SOOrdr"]))


def test_forms_that_nobody_has_are_refused():
    forms = SimpleNamespace(patterns=("Stock", "My/Form"), matched=("Stock",))
    assert "inquiry_forms: no tenant has an inquiry form My/Form." in refusal(wanted(), forms)


VALUES = [{"inquiry": "Totals", "name": "Year", "value": 2026}]


def test_values_for_what_nobody_has_are_refused_unless_a_form_or_an_inquiry_has_them():
    assert "inquiry_parameters: no tenant has an inquiry Totals." in refusal(wanted(inquiry_parameters=VALUES))
    wanted(["Totals"], inquiry_parameters=VALUES).refuse_unmatched(NO_FORMS, ())
    form = SimpleNamespace(patterns=(), matched=("Totals",))
    wanted(inquiry_parameters=VALUES).refuse_unmatched(form, ())


def test_what_a_service_that_failed_has_is_unknown_and_not_missing():
    wanted(inquiry_parameters=VALUES).refuse_unmatched(NO_FORMS, [ODataFeed.INQUIRIES])
    assert "no tenant has" in refusal(wanted(inquiry_parameters=VALUES), failed=[ODataFeed.TABLES])


def test_values_for_inquiries_that_nobody_wants_to_read_are_only_warned_of(caplog):
    wanted(inquiry_parameters=VALUES, generic_inquiries=[]).refuse_unmatched(NO_FORMS, ())
    assert "no inquiry form is called Totals" in caplog.text
    assert "have no effect" in caplog.text


@pytest.mark.parametrize(
    ("stream", "setting"),
    [
        ("gi__Secret", "generic_inquiries"),
        ("gi__Orders", None),
        ("gi__Gone", None),
        ("dac__SOLine", "dac_tables"),
        ("dac__PX_SOLine", "dac_tables"),
        ("dac__SOOrder", None),
    ],
)
def test_a_stream_that_the_settings_leave_out_is_told_from_one_that_is_gone(stream, setting):
    found = wanted(["Orders", "Secret"], generic_inquiries=["Orders"], dac_tables=["SOOrder"])
    for dac in ("PX.SOOrder", "PX.SOLine"):
        found.needs_description(dac, None)
    sentence = found.unnamed(stream)
    assert (f"The setting {setting} does not name" in sentence) if setting else sentence is None


def test_where_a_setting_names_nothing_all_its_streams_are_left_out():
    assert "dac_tables" in wanted(dac_tables=[]).unnamed("dac__Anything")


def test_each_name_stands_for_its_tables_and_the_default_for_none():
    order, line = (
        ODataTable(ODataFeed.TABLES, name, name, {}, type_name=f"PX.{name}") for name in ("SOOrder", "SOLine")
    )
    totals = ODataTable(ODataFeed.INQUIRIES, "Totals", "Totals", {})
    found = wanted(generic_inquiries=["*", "To*"], dac_tables=["SO*", "PX.SOLine"])
    assert [*found.named([order, line, totals])] == [[totals], [order, line], [line]]


def test_an_inquiry_is_named_by_more_than_the_default():
    assert wanted(generic_inquiries=["*", "Orders"]).is_inquiry_named("Orders")
    assert not wanted(generic_inquiries=["*", "Orders"]).is_inquiry_named("Totals")
