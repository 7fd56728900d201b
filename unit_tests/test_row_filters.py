"""Tests of row filters that stand for no stream; those that the ERP is asked about are tried in syncs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.contract.tables import Method
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.row_filters import refuse_unmatched_filters

from .test_configured import INQUIRY, ORDER, settings

FORM = replace(ORDER, entity="AccountSummaryInquiry", method=Method.INQUIRY)


def judge(stream, failed=()):
    given = settings(row_filters=[{"stream": stream, "filter": "Nbr eq '1'"}])
    refuse_unmatched_filters(given, [ORDER, INQUIRY, FORM], failed)


@pytest.mark.parametrize("stream", ["SalesOrder", "Sales*", "gi__*", "*"])
def test_a_filter_that_stands_for_a_stream_passes(stream):
    judge(stream)


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        ("SalesOrders", "there is no stream SalesOrders. Do you mean SalesOrder?"),
        ("Nothing", "Write it as the stream is called, or as a pattern"),
        ("AccountSummaryInquiry", "is an inquiry form, whose results cannot be filtered"),
    ],
)
def test_one_that_stands_for_none_is_refused_with_what_to_do(stream, sentence):
    with pytest.raises(AirbyteTracedException, match="row_filters: ") as caught:
        judge(stream)
    assert sentence in caught.value.message


def test_what_a_service_that_failed_has_is_unknown():
    judge("gi__Other", {ODataFeed.INQUIRIES})
    judge("Other*", {ODataFeed.INQUIRIES})
    with pytest.raises(AirbyteTracedException):
        judge("dac__Other", {ODataFeed.INQUIRIES})
