"""Tests which endpoint a stream may belong to, and what is said of one that no tenant has."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.site import PROOF, WHOLE, Endpoint, Site, may_hold, together


def failure(message, kind=FailureType.transient_error):
    return AirbyteTracedException(message=message, internal_message=message, failure_type=kind)


@pytest.mark.parametrize(
    ("old", "new"), [("9.0", "24.200.001"), ("v9", "v10"), ("1", "2-beta"), ("20.200.001", "2025R1")]
)
def test_versions_compare_by_their_numbers(old, new):
    old, new = Endpoint("Own", old), Endpoint("Own", new)
    for both in ([old, new], [new, old]):
        assert max(both, key=lambda one: one.rank) == new


def test_an_endpoint_is_written_with_its_version():
    assert str(Endpoint("Default", "24.200.001")) == "Default/24.200.001"


@pytest.mark.parametrize(
    ("name", "streams", "is_so"),
    [
        ("Own", ["Own__Task"], True),
        ("Own", ["SalesOrder"], False),
        ("Default", ["SalesOrder"], True),
        ("Default", ["Own__Task"], False),
        # "Customer" is an endpoint here, and an entity of Default.
        ("Default", ["Customer__Salespersons"], True),
        ("Customer", ["Customer__Salespersons"], True),
    ],
)
def test_a_stream_belongs_to_an_endpoint_by_its_prefix(name, streams, is_so):
    assert may_hold(name, ("Default", "Own", "Customer"), streams) is is_so


def test_what_failed_is_known_by_tenant_and_endpoint():
    one, whole, proof = failure("endpoint"), failure("tenant"), failure("proof")
    site = Site(("Default", "Own"), failures={("A", "Own"): one, ("B", WHOLE): whole, ("C", PROOF): proof})
    assert site.failure("A", ["Own"]) is one
    assert site.failure("A", ["Default"]) is None
    assert site.failure("B", ["Default"]) is whole
    assert site.failure("C", ["Default"]) is None
    assert site.failure("C", [PROOF]) is proof


def test_a_stream_is_absent_with_its_endpoint():
    site = Site(("Default", "Own"), missing={"Own": failure("no endpoint Own")})
    assert site.absence("Own__Task") is site.missing["Own"]
    assert site.absence("SalesOrder") is None


def test_a_stream_of_an_endpoint_that_the_settings_leave_out_names_the_setting():
    site = Site(("Default",), listed=frozenset({"Default", "Own"}))
    assert "endpoints" in (site.unnamed("Own__Task") or "")
    assert site.unnamed("SalesOrder") is None


def test_a_wrong_setting_outweighs_a_passing_failure_and_each_is_named_once():
    passing, wrong = failure("the network"), failure("a setting", FailureType.config_error)
    error = together([passing, wrong, passing])
    assert error.message == "the network\na setting"
    assert error.failure_type is FailureType.config_error


def test_who_needs_everything_gets_all_failures_in_one():
    Site(("Default",)).raise_what_failed()
    site = Site(("Default",), failures={("A", WHOLE): failure("tenant")}, missing={"Own": failure("endpoint")})
    with pytest.raises(AirbyteTracedException, match="tenant\nendpoint"):
        site.raise_what_failed()
