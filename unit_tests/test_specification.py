"""Tests that the settings come as the message that the CDK would make of them."""

from __future__ import annotations

import logging

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, Type

from source_acumatica import SourceAcumatica
from source_acumatica.specification import specification_message


def test_the_message_is_the_same_as_the_cdk_s_to_the_byte():
    spec = SourceAcumatica().spec(logging.getLogger("airbyte"))
    theirs = AirbyteMessageSerializer.dump(AirbyteMessage(type=Type.SPEC, spec=spec))
    assert specification_message().encode() == orjson.dumps(theirs)
