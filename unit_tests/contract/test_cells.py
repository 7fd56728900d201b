"""Tests which types fields are decoded to; what comes of them is tested with the codec, against the way by dicts."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.contract.cells import Cells
from source_acumatica.reading.codec import Code
from source_acumatica.reading.fields import NO_VALUE, FieldKind, Wrapper

KINDS = [kind for kind in FieldKind if kind is not FieldKind.UNKNOWN]


@pytest.mark.parametrize("kind", KINDS)
def test_contract_5_may_send_null_in_place_of_a_wrapper(kind):
    type_, default = Cells(Code(), "row", has_choices=True).type_of(kind)
    assert default is NO_VALUE
    for empty in (b"null", b"{}", b'{"value":null}', b'{"value":null,"error":null}'):
        assert getattr(msgspec.json.decode(empty, type=type_), "value", None) is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"value":null,"error":"refused"}', type=type_)


@pytest.mark.parametrize("kind", [FieldKind.STRING, FieldKind.DECIMAL, FieldKind.DATE_TIME, FieldKind.BOOLEAN])
def test_the_kinds_of_contract_4_are_decoded_in_the_fastest_way(kind):
    assert Cells(Code(), "row", has_choices=False).type_of(kind) == (Wrapper, NO_VALUE)


@pytest.mark.parametrize("kind", [FieldKind.STRING, FieldKind.DATE, FieldKind.GUID])
def test_a_choice_does_not_pass_for_a_text(kind):
    type_, _ = Cells(Code(), "row", has_choices=True).type_of(kind)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"value":{"id":"N","description":"Open"}}', type=type_)
