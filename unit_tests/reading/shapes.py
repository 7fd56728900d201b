"""Random shapes, and records as the ERP would send them, for the tests of fields."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st

from source_acumatica.reading.fields import (
    FieldKind,
    Shape,
)

KINDS = st.sampled_from(FieldKind)
# Few enough that two shapes often use the same name for different things.
NAMES = st.text("AB1", min_size=1, max_size=2)


@st.composite
def shapes(draw, depth=2):
    """Any shape: the names of fields, objects and collections are distinct, as in a JSON object."""
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    fields, objects, collections = {}, {}, {}
    for name in names:
        where = draw(st.sampled_from([fields, objects, collections] if depth else [fields]))
        where[name] = draw(KINDS) if where is fields else draw(shapes(depth - 1))
    return Shape(fields, objects, collections)


def choices(ids):
    return st.fixed_dictionaries({"id": ids, "description": st.none() | st.text(max_size=3)})


SAMPLES = {
    FieldKind.STRING: st.text(max_size=5),
    FieldKind.GUID: st.uuids().map(str),
    FieldKind.BOOLEAN: st.booleans(),
    FieldKind.BYTE: st.integers(0, 255),
    FieldKind.SHORT: st.integers(-(2**15), 2**15 - 1),
    FieldKind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    FieldKind.LONG: st.integers(-(2**63), 2**63 - 1),
    FieldKind.DECIMAL: st.decimals(-(10**12), 10**12, places=6).map(lambda number: msgspec.Raw(str(number))),
    FieldKind.DOUBLE: st.integers(-1000, 1000),
    FieldKind.DATE_TIME: st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    FieldKind.DATE: st.dates().map(str),
    FieldKind.DAY: st.dates().map(str),
    FieldKind.CHOICE: choices(st.text(max_size=3)),
    FieldKind.INTEGER_CHOICE: choices(st.integers(0, 9)),
    FieldKind.CHOICES: st.lists(choices(st.text(max_size=3)), max_size=3),
    FieldKind.UNKNOWN: st.none() | st.booleans() | st.text(max_size=3),
}


@st.composite
def wires(draw, shape):
    """Any record of ``shape`` as the ERP sends it: each value full, empty, null or missing."""
    raw = {"id": draw(st.uuids().map(str)), "rowNumber": 1, "custom": {}, "note": draw(st.none() | st.just({}))}
    for name, kind in shape.fields.items():
        value = draw(SAMPLES[kind].map(lambda value: {"value": value}) | st.sampled_from([{}, {"value": None}, None]))
        if value is not None:
            raw[name] = value
    for name, inner in shape.objects.items():
        if draw(st.booleans()):
            raw[name] = draw(st.none() | wires(inner))
    return raw
