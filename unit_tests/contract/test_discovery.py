"""Tests what is concluded from what each tenant answers about its endpoints, and from what it does not answer."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.discovery import Depth, describe
from source_acumatica.contract.site import PROOF, WHOLE
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.sessions import PoolClosed
from unit_tests.contract.documents import link, openapi, record
from unit_tests.erp.test_answers import answer

CONFIG = FailureType.config_error
DOWN = Problem(Action.STOP, FailureType.transient_error, "the ERP does not answer", status=503)
ORDER, CUSTOMER = ("OrderNbr", "Total"), ("CustomerID",)


def document(contract="4", **entities):
    """A description with the columns of each entity."""
    schemas = {name: record(**dict.fromkeys(columns, link("StringValue"))) for name, columns in entities.items()}
    return {**openapi(schemas, {name: name for name in entities}), "info": {"title": "x", "version": contract}}


class Instance:
    """Tenants by name, each with its endpoints as ``Name/Version`` and what describes them, or with its problem."""

    def __init__(self, unlisted=None, are_signed_in=True, **tenants):
        self.tenants, self.unlisted, self.are_signed_in = tenants, unlisted, are_signed_in
        self.requests, self.sign_ins = [], []

    def reading(self, _tenant):
        return nullcontext()

    def sign_in(self, tenant):
        self.sign_ins.append(tenant)
        if isinstance(self.tenants[tenant], Problem):
            raise RequestFailed(self.tenants[tenant], f"Tenant '{tenant}'")

    def server_time(self, _tenant):
        return datetime(2026, 11, 22, tzinfo=UTC) if self.are_signed_in else None

    def fetch(self, tenant, path, *, read, where):
        self.requests.append((tenant, path))
        has = self.tenants[tenant]
        found = self.unlisted if path == "/entity" else has
        if isinstance(found, Problem):
            raise RequestFailed(found, where)
        if path == "/entity":
            names = [each.split("/", 1) for each in has]
            return read(answer(200, {"endpoints": [{"name": name, "version": version} for name, version in names]}))
        found = has[path.removeprefix("/entity/").removesuffix("/swagger.json")]
        if isinstance(found, Problem):
            raise RequestFailed(found, where)
        return read(answer(200, json.dumps(found).encode()))

    def described(self):
        """The endpoints whose descriptions were asked for."""
        return [path.removeprefix("/entity/").removesuffix("/swagger.json") for _, path in self.requests[1:]]


def site_of(instance, wanted=("Default",), **more):
    return describe(instance, [*instance.tenants], wanted, **more)


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        ({"22.200.001": "4", "24.200.001": "4", "9.0": "3"}, "24.200.001"),
        ({"24.200.001": "4", "26.200.001": "5"}, "24.200.001"),
        ({"25.200.001": "5", "26.200.001": "5"}, "26.200.001"),
        ({"26.200.001": "6", "25.200.001": "5"}, "25.200.001"),
    ],
)
def test_the_newest_version_that_changes_no_column_is_read_and_a_later_contract_only_where_there_is_no_other(
    versions, chosen
):
    instance = Instance(A={f"Default/{name}": document(contract, Order=ORDER) for name, contract in versions.items()})
    site = site_of(instance)
    assert [str(each) for each in site.endpoints] == [f"Default/{chosen}"]
    assert site.own["A"]["Order"].contract == versions[chosen]


def test_a_contract_that_is_not_known_is_refused_with_those_that_are():
    site = site_of(Instance(A={"Default/27.200.001": document("6", Order=ORDER)}))
    assert (
        "Default/27.200.001 speaks contract version 6, this connector versions" in site.failures["A", "Default"].message
    )
    assert site.failures["A", "Default"].failure_type is CONFIG


def test_each_tenant_is_asked_at_its_own_version_and_the_stream_has_the_columns_of_both():
    instance = Instance(
        A={"Default/22.200.001": document(Order=("OrderNbr", "Old"))},
        B={"Default/24.200.001": document(Order=("OrderNbr", "New"), Customer=CUSTOMER)},
    )
    site = site_of(instance)
    assert {each.name: {*each.rows_shape.fields} for each in site.tables} == {
        "Order": {"OrderNbr", "Old", "New"},
        "Customer": {"CustomerID"},
    }
    assert {tenant: {*own} for tenant, own in site.own.items()} == {"A": {"Order"}, "B": {"Order", "Customer"}}
    assert site.own["A"]["Order"].url_path == "/entity/Default/22.200.001/Order"
    assert {*site.own["A"]["Order"].rows_shape.fields} == {"OrderNbr", "Old"}


def test_an_endpoint_that_cannot_be_described_is_unknown_and_leaves_the_others_alone():
    instance = Instance(
        A={"Default/24.200.001": document(Order=ORDER), "Own/1": DOWN},
        B={"Default/24.200.001": {"neither": "format"}, "Own/1": document(Thing=("A",))},
    )
    site = site_of(instance, ["Default", "Own"])
    assert {tenant: {*own} for tenant, own in site.own.items()} == {"A": {"Order"}, "B": {"Own__Thing"}}
    assert site.failures.keys() == {("A", "Own"), ("B", "Default")}
    assert "neither Swagger 2.0 nor OpenAPI 3.0" in site.failures["B", "Default"].message
    assert site.missing == {}, "what could not be asked is not absent"


def test_where_another_version_is_there_the_failure_of_one_names_it():
    instance = Instance(A={"Default/24.200.001": DOWN, "Default/23.200.001": document(Order=ORDER)})
    site = site_of(instance)
    said = "If that stays so, name another version in endpoints, such as Default/23.200.001."
    assert site.failures["A", "Default"].message.endswith(said)
    assert site.missing == {}, "it may well be there"
    assert instance.described() == ["Default/24.200.001"], "which contract it speaks is not known, so none steps in"


def test_where_signing_in_fails_nothing_more_is_asked():
    instance = Instance(unlisted=DOWN, are_signed_in=False, A={})
    proved = []
    site = site_of(instance, prove=lambda tenant, _tables: proved.append(tenant))
    assert (instance.requests, proved) == ([("A", "/entity")], [])
    assert site.failures.keys() == {("A", WHOLE)}


def test_without_a_list_of_endpoints_those_that_the_settings_name_with_a_version_are_read(caplog):
    instance = Instance(unlisted=DOWN, A={"Default/24.200.001": document(Order=ORDER)})
    site = site_of(instance, ["Default/24.200.001", "Own"])
    assert {*site.own["A"]} == {"Order"}
    assert site.failures.keys() == {("A", "Own")}
    assert "Going on with the endpoints that the settings name with their versions" in caplog.text


def test_an_endpoint_that_no_tenant_has_is_refused_with_those_that_there_are():
    instance = Instance(A={"Default/22.200.001": document(Order=ORDER), "Default/24.200.001": document()})
    site = site_of(instance, ["Default/99.200.001"])
    said = (
        "endpoints: the instance has no endpoint Default/99.200.001. There are: Default/22.200.001, Default/24.200.001."
    )
    assert site.missing["Default"].message == said
    assert instance.described() == []


def test_endpoints_are_absent_only_where_all_tenants_could_be_asked():
    depths = iter([Depth.ALL, Depth.SIGN_IN, Depth.NOTHING])
    instance = Instance(A={"Default/24.200.001": document(Order=ORDER)}, B=DOWN, C={"Own/1": document(Thing=("A",))})
    site = site_of(instance, ["Default", "Own"], depth=lambda: next(depths))
    assert site.missing == {}
    assert (site.signed_in_only, site.untried, instance.sign_ins) == (["B"], ["C"], ["B"])
    assert {tenant for tenant, _ in instance.requests} == {"A"}
    assert site.failures.keys() == {("B", WHOLE)}


def test_for_a_read_only_the_endpoints_of_its_streams_are_asked_for():
    instance = Instance(A={"Default/24.200.001": document(Order=ORDER), "Own/1": document(Thing=("A",), Other=("A",))})
    site = site_of(instance, ["Default", "Own"], streams=["Own__Thing"])
    assert instance.described() == ["Own/1"]
    assert [each.name for each in site.tables] == ["Own__Thing"]
    assert {*site.own["A"]} == {"Own__Thing"}
    nothing = Instance(A={})
    assert site_of(nothing, streams=[]).failures == {}
    assert nothing.requests == []


@pytest.mark.parametrize("version", ["24.200.001/../../auth", "9 9", "..", "24.200.001?x=", ""])
def test_what_is_no_plain_name_does_not_become_a_part_of_an_address(version):
    instance = Instance(A={f"Default/{version}": document(Order=ORDER)})
    assert site_of(instance).missing.keys() == {"Default"}
    assert instance.described() == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["Default", "Default/22.200.001"], "Default is named more than once"),
        (["gi"], "the streams of gi would be named like those of OData"),
    ],
)
def test_settings_by_which_two_streams_would_have_one_name_are_refused(wanted, said):
    with pytest.raises(AirbyteTracedException, match=said) as caught:
        site_of(Instance(A={}), wanted)
    assert caught.value.failure_type is CONFIG


def test_two_tables_of_one_name_are_an_error_that_names_both_and_no_stream():
    instance = Instance(
        A={"Default/24.200.001": document(Own__Thing=("A",), Order=ORDER), "Own/1": document(Thing=("A",))}
    )
    site = site_of(instance, ["Default", "Own"])
    assert [each.name for each in site.tables] == ["Order"]
    assert "Own__Thing of Default and Thing of Own" in site.clashes["Own__Thing"].message


def test_what_is_asked_besides_fails_by_itself_unless_the_run_has_been_ended():
    instance = Instance(A={"Default/24.200.001": document(Order=ORDER)})
    seen = []

    def prove(tenant, tables, error):
        seen.append((tenant, [table.name for table in tables]))
        raise error

    failed = AirbyteTracedException(message="the inquiries are closed")
    site = site_of(instance, prove=lambda *asked: prove(*asked, failed))
    assert seen == [("A", ["Order"])]
    assert site.failures == {("A", PROOF): failed}
    assert [each.name for each in site.tables] == ["Order"]
    with pytest.raises(PoolClosed):
        site_of(instance, prove=lambda *asked: prove(*asked, PoolClosed(message="ended")))


def test_choices_that_are_ids_in_one_tenant_and_labels_in_another_are_warned_of(caplog):
    instance = Instance(
        A={"Default/24.200.001": document(Order=ORDER)}, B={"Default/26.200.001": document("5", Order=ORDER)}
    )
    site_of(instance)
    assert "Endpoint Default: it speaks contract version 5 in B and an earlier one in A" in caplog.text


def test_files_are_tables_of_their_own_only_where_they_are_wanted():
    instance = Instance(A={"Default/24.200.001": document(Order=ORDER)})
    assert [each.name for each in site_of(instance).tables] == ["Order"]
    assert [each.name for each in site_of(instance, has_files=True).tables] == ["Order", "Order__files"]
