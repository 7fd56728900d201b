"""Tests of what the diagram's command takes for its streams."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erd import _chosen

TABLES = dict.fromkeys(("Customer", "SalesOrder", "SalesOrder__Details"))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], [*TABLES]),
        (["Customer"], ["Customer"]),
        (["SalesOrder*"], ["SalesOrder", "SalesOrder__Details"]),
        (["SalesOrder", "*__Details"], ["SalesOrder", "SalesOrder__Details"]),
    ],
)
def test_names_and_patterns_choose_streams_and_without_any_all_are_chosen(names, chosen):
    assert [*_chosen(TABLES, names)] == chosen


@pytest.mark.parametrize(("name", "near"), [("SalesOrders", "SalesOrder, SalesOrder__Details"), ("X", "none")])
def test_a_name_of_no_stream_is_refused_with_those_that_it_resembles(name, near):
    with pytest.raises(AirbyteTracedException, match=f"no stream {name}; similar ones: {near}\\.") as refused:
        _chosen(TABLES, ["Customer", name])
    assert refused.value.failure_type is FailureType.config_error
