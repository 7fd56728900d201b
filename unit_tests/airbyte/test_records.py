"""Tests that records as lines say the same as the CDK's messages, and are counted as many."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from unittest.mock import ANY

import msgspec
import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, Type
from airbyte_cdk.utils.message_utils import HashableStreamDescriptor
from airbyte_protocol_dataclasses.models import Reason

from source_acumatica.airbyte.records import (
    Entrypoint,
    FileReference,
    RecordBatch,
    in_pieces,
    meta_of,
    single_messages,
    with_meta,
    without_file,
)

RECORDS = [
    {"_tenant": "A", "Total": msgspec.Raw(b"1234.560000"), "Note": 'Z\u00fcrich\n\u2028"', "Big": 10**30},
    {"_tenant": "A", "Total": None, "Custom": {"V": {"UsrA": [msgspec.Raw(b"1E400"), -(10**20)]}}},
    {"_tenant": "A"},
]


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 1_795_518_310_607_000_000)


def lines():
    return RecordBatch.of("Customer", RECORDS)


def test_every_record_is_a_line_with_every_digit():
    texts = lines().text.split("\n")
    assert [json.loads(text)["type"] for text in texts] == ["RECORD"] * 3
    assert '"Total":1234.560000,"Note":"Z\u00fcrich\\n\u2028\\"","Big":1000000000000000000000000000000}' in texts[0]
    assert '"UsrA":[1E400,-100000000000000000000]' in texts[1]


def test_records_that_lack_values_of_the_erp_name_them():
    """The destination writes it beside the row: so a null for want of a value differs from one of the ERP."""
    changed = RecordBatch.of("Customer", RECORDS, meta_of(["Website", "MainContact"], ["custom"]))
    for text, plain in zip(changed.text.split("\n"), lines().text.split("\n"), strict=True):
        record = json.loads(text)["record"]
        assert record.pop("meta") == {
            "changes": [
                {"field": "Website", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"},
                {"field": "MainContact", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"},
                {"field": "custom", "change": "TRUNCATED", "reason": "SOURCE_FIELD_SIZE_LIMITATION"},
            ]
        }
        assert record == json.loads(plain)["record"]
    printed = [AirbyteEntrypoint.airbyte_message_to_string(message) for message in changed.single_messages()]
    assert [json.loads(text) for text in printed] == [json.loads(text) for text in changed.text.split("\n")]


def test_single_messages_are_printed_by_the_cdk_as_the_same_text():
    printed = [AirbyteEntrypoint.airbyte_message_to_string(message) for message in lines().single_messages()]
    assert "\n".join(printed) == lines().text


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_record_goes_apart_and_none_is_lost(count):
    whole = RecordBatch.of("Customer", RECORDS[:count])
    first, *others = whole.with_single_first()
    assert first.record.data["_tenant"] == "A"
    assert [one.count for one in others] == ([count - 1] if count > 1 else [])
    texts = [AirbyteEntrypoint.airbyte_message_to_string(first), *(one.text for one in others)]
    assert "\n".join(texts) == whole.text


def test_the_first_record_keeps_what_it_says_of_itself_although_the_cdk_passes_on_its_data_alone():
    first, *_ = RecordBatch.of("Customer", RECORDS, meta_of(["custom"], [])).with_single_first()
    passed_on = AirbyteMessage(type=Type.RECORD, record=replace(first.record, data=dict(first.record.data), meta=None))
    (message,) = with_meta([passed_on])
    assert [change.field for change in message.record.meta.changes] == ["custom"]
    assert message.record.data == {"_tenant": "A", "Total": ANY, "Note": ANY, "Big": ANY}


def test_other_messages_are_left_as_they_are():
    log = AirbyteMessage(type=Type.LOG)
    assert [message.type for message in single_messages([log, lines()])] == [Type.LOG, *[Type.RECORD] * 3]


def test_lines_count_as_many():
    counts = defaultdict(float)
    Entrypoint.handle_record_counts(lines(), counts)
    for message in lines().single_messages():
        Entrypoint.handle_record_counts(message, counts)
    assert counts == {HashableStreamDescriptor(name="Customer", namespace=None): 6.0}


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3])])
def test_pieces_hold_everything_in_order(count, sizes):
    pieces = list(in_pieces(list(range(count)), 3))
    assert [len(piece) for piece in pieces] == sizes
    assert [each for piece in pieces for each in piece] == list(range(count))


FILES = [FileReference(f"/staging/{number}", f"Bill__files/{number}", number) for number in range(3)]


def test_records_with_files_say_where_each_lies():
    batch = RecordBatch.of("Bill__files", RECORDS, meta_of(["comment"], []), FILES)
    assert batch.file_bytes == 3
    said = [json.loads(text)["record"]["file_reference"] for text in batch.text.split("\n")]
    assert said[2] == {
        "staging_file_url": "/staging/2",
        "source_file_relative_path": "Bill__files/2",
        "file_size_bytes": 2,
    }
    printed = [AirbyteEntrypoint.airbyte_message_to_string(message) for message in batch.single_messages()]
    assert [json.loads(text) for text in printed] == [json.loads(text) for text in batch.text.split("\n")]


def test_a_first_record_goes_through_the_cdk_with_its_file():
    """The CDK passes on the data of a record alone."""
    batch = RecordBatch.of("Bill__files", RECORDS, meta_of(["comment"], []), FILES)
    first, others = batch.with_single_first()
    assert (first.record.file_reference, first.record.meta) == (None, None)
    (restored,) = with_meta([first])
    assert restored.record.file_reference.staging_file_url == "/staging/0"
    assert restored.record.meta.changes[0].field == "comment"
    assert restored.record.data.keys() == RECORDS[0].keys()
    assert others.count == 2


def test_a_record_without_its_file_says_so_beside_what_else_it_lacks():
    reason = Reason.SOURCE_FIELD_SIZE_LIMITATION
    for meta, fields in ((None, []), (meta_of(["comment"], []), ["comment"])):
        changes = json.loads(bytes(without_file(meta, reason)))["changes"]
        assert [each["field"] for each in changes] == [*fields, "file_reference"]
        assert changes[-1]["reason"] == "SOURCE_FIELD_SIZE_LIMITATION"
