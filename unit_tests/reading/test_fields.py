"""Tests that the schema and the record of a shape agree, and that no value loses anything on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.fields import (
    JSON_SCHEMAS,
    FieldKind,
    Shape,
    calendar_date,
    custom_values,
    format_instant,
    moved,
    unwrap,
    utc_instant,
)

KINDS = st.sampled_from(FieldKind)
# Few enough that two shapes often use the same name for different things.
NAMES = st.text("AB1", min_size=1, max_size=2)
# What every record has besides its own; a field cannot have these names (the reader of descriptions leaves them out).
ALWAYS = ["id", "note", "custom"]


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


@given(shapes())
def test_the_schema_and_the_record_have_the_same_columns_in_the_same_order(shape):
    assert list(shape.json_schema()) == list(shape.converter()({}))


@given(shapes(), st.data())
def test_any_record_fits_the_schema(shape, data):
    record = shape.converter()(data.draw(wires(shape)))
    schema = {"type": "object", "properties": shape.json_schema(), "additionalProperties": False}
    # As the destination sees it: through the serializer and back.
    jsonschema.validate(msgspec.json.decode(msgspec.json.encode(record)), schema, cls=jsonschema.Draft7Validator)


@given(shapes(), st.data())
def test_chosen_columns_are_those_of_the_whole_record(shape, data):
    raw = data.draw(wires(shape))
    whole = msgspec.json.decode(msgspec.json.encode(shape.converter()(raw)))
    columns = data.draw(st.sets(st.sampled_from([*whole, "Elsewhere"])))
    chosen = msgspec.json.decode(msgspec.json.encode(shape.converter(columns)(raw)))
    assert chosen == {name: value for name, value in whole.items() if name in columns}


@given(shapes())
def test_a_schema_has_no_reference(shape):
    assert b"$ref" not in msgspec.json.encode(shape.json_schema())


def test_a_collection_is_no_column():
    shape = Shape({"A": FieldKind.STRING}, {}, {"Details": Shape({"B": FieldKind.STRING})})
    assert list(shape.json_schema()) == ["id", "A", "note", "custom"]
    assert "Details" not in shape.converter()({"Details": [{"B": {"value": "x"}}]})


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (FieldKind.STRING, ["null", "string"]),
        (FieldKind.GUID, ["null", "string"]),
        (FieldKind.BOOLEAN, ["null", "boolean"]),
        (FieldKind.BYTE, ["null", "integer"]),
        (FieldKind.SHORT, ["null", "integer"]),
        (FieldKind.INTEGER, ["null", "integer"]),
        (FieldKind.LONG, ["null", "integer"]),
        (FieldKind.DECIMAL, ["null", "number"]),
        (FieldKind.DOUBLE, ["null", "number"]),
        (FieldKind.DATE_TIME, ["null", "string"]),
        (FieldKind.DATE, ["null", "string"]),
        (FieldKind.CHOICE, ["null", "string"]),
        (FieldKind.INTEGER_CHOICE, ["null", "integer"]),
        (FieldKind.CHOICES, ["null", "array"]),
    ],
)
def test_every_known_kind_has_its_type_and_may_be_null(kind, types):
    assert JSON_SCHEMAS[kind]["type"] == types


def test_an_instant_is_a_timestamp_with_its_zone():
    schema = Shape({"ChangedAt": FieldKind.DATE_TIME}).json_schema()["ChangedAt"]
    assert schema["format"] == "date-time"
    assert schema["airbyte_type"] == "timestamp_with_timezone"


def test_an_unknown_kind_claims_no_type():
    assert Shape({"Odd": FieldKind.UNKNOWN}).json_schema()["Odd"] == {}


@pytest.mark.parametrize(
    ("wrapper", "value"),
    [
        ({"value": "x"}, "x"),
        ({"value": 0}, 0),
        ({"value": False}, False),
        ({"value": ""}, ""),
        ({"value": None}, None),
        ({"value": "x", "error": "refused"}, "x"),
        ({"type": "CustomStringField", "value": "x"}, "x"),
        ({"error": "refused"}, None),
        ({}, None),
        (None, None),
        ("bare", "bare"),
        (7, 7),
    ],
    ids=str,
)
def test_a_wrapper_gives_its_value(wrapper, value):
    assert unwrap(wrapper) == value
    assert Shape({"A": FieldKind.STRING}).converter()({"A": wrapper})["A"] == value


def test_a_missing_field_is_null():
    assert Shape({"A": FieldKind.STRING}).converter()({})["A"] is None


def test_what_is_no_column_does_not_come():
    raw = {"rowNumber": 1, "_links": {}, "error": "x", "files": [{}], "Elsewhere": {"value": 1}}
    assert Shape().converter()(raw) == {"id": None, "note": None, "custom": {}}


@pytest.mark.parametrize("note", [None, {}, {"value": None}], ids=str)
def test_a_note_is_null_or_its_text(note):
    assert Shape().converter()({"note": note})["note"] is None
    assert Shape().converter()({"note": {"value": "Call first."}})["note"] == "Call first."


@pytest.mark.parametrize("raw", [None, {}], ids=str)
def test_a_linked_object_that_is_not_there_is_null(raw):
    shape = Shape({}, {"Contact": Shape({"Email": FieldKind.STRING})})
    assert shape.converter()({"Contact": raw})["Contact"] is None
    assert shape.converter()({})["Contact"] is None


def test_a_linked_object_stays_an_object_with_its_columns():
    address = Shape({"City": FieldKind.STRING})
    shape = Shape(
        {}, {"Contact": Shape({"Email": FieldKind.STRING, "SinceDate": FieldKind.DATE_TIME}, {"Address": address})}
    )
    raw = {
        "Contact": {
            "id": "c1",
            "rowNumber": 2,
            "Email": {"value": "a@b"},
            "SinceDate": {"value": "2026-03-13T00:00:00-04:00"},
            "Address": {"id": "a1", "City": {"value": "Bonn"}, "note": None},
        }
    }
    assert shape.converter()(raw)["Contact"] == {
        "id": "c1",
        "Email": "a@b",
        "SinceDate": "2026-03-13T00:00:00+00:00",
        "Address": {"id": "a1", "City": "Bonn", "note": None, "custom": {}},
        "note": None,
        "custom": {},
    }


def test_linked_objects_are_named_with_those_in_them():
    shape = Shape({}, {"A": Shape({}, {"B": Shape({}, {"C": Shape()})}), "D": Shape()})
    assert shape.object_paths() == ["A", "A/B", "A/B/C", "D"]


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (None, {}),
        ({}, {}),
        ({"Document": {}}, {"Document": {}}),
        (
            {
                "Document": {
                    "UsrA": {"type": "CustomStringField", "value": "x"},
                    "UsrB": {"type": "CustomStringField"},
                    "AttributeC": {"type": "CustomBooleanField", "value": False},
                },
                "CurrentDocument": {"UsrD": {"type": "CustomIntField", "value": None}},
            },
            {"Document": {"UsrA": "x", "UsrB": None, "AttributeC": False}, "CurrentDocument": {"UsrD": None}},
        ),
    ],
    ids=["null", "empty", "empty view", "full"],
)
def test_custom_values_stand_under_view_and_field(raw, values):
    assert custom_values(raw) == values
    assert Shape().converter()({"custom": raw})["custom"] == values


DECODER = msgspec.json.Decoder(float_hook=msgspec.Raw)
NUMBERS = [
    "0",
    "0.000000",
    "1234.560000",
    "-0.010",
    "123456789012.345678",
    "123456789012345678.123456",
    "79228162514264337593543950335.5",
    "0.1",
    "1E5",
    "1.5e-7",
    "9223372036854775807",
    "-9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
]


@pytest.mark.parametrize("kind", [FieldKind.DECIMAL, FieldKind.DOUBLE])
@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_keeps_every_digit_that_the_server_sent(kind, text):
    raw = DECODER.decode(f'{{"Amount": {{"value": {text}}}}}')
    record = Shape({"Amount": kind}).converter({"Amount"})(raw)
    assert msgspec.json.encode(record).decode() == f'{{"Amount":{text}}}'


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_keeps_every_digit_in_a_linked_object(text):
    raw = DECODER.decode(f'{{"Totals": {{"Amount": {{"value": {text}}}}}}}')
    record = Shape({}, {"Totals": Shape({"Amount": FieldKind.DECIMAL})}).converter()(raw)
    assert f'"Amount":{text}' in msgspec.json.encode(record).decode()


@pytest.mark.parametrize("text", NUMBERS)
def test_a_custom_number_keeps_every_digit(text):
    raw = DECODER.decode(f'{{"custom": {{"V": {{"UsrA": {{"type": "CustomDecimalField", "value": {text}}}}}}}}}')
    record = Shape().converter({"custom"})(raw)
    assert msgspec.json.encode(record).decode() == f'{{"custom":{{"V":{{"UsrA":{text}}}}}}}'


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_of_an_unknown_kind_keeps_every_digit(text):
    raw = DECODER.decode(f'{{"A": {{"value": {text}}}}}')
    assert msgspec.json.encode(Shape({"A": FieldKind.UNKNOWN}).converter({"A"})(raw)).decode() == f'{{"A":{text}}}'


@pytest.mark.parametrize("offset", ["Z", "+00:00", "-05:00", "+13:45", "+0300", ""])
@pytest.mark.parametrize("fraction", ["", ".0", ".000"])
def test_midnight_of_any_zone_is_midnight_utc_of_that_day(offset, fraction):
    assert calendar_date(f"2026-02-11T00:00:00{fraction}{offset}") == "2026-02-11T00:00:00+00:00"


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-11T00:00:01-05:00",
        "2026-02-11T12:00:00Z",
        "2026-02-11T00:00:00.003Z",
        "2026-02-11T00:01:00Z",
        "2026-02-11",
        "",
        None,
        5,
    ],
    ids=str,
)
def test_what_is_not_midnight_is_left_as_it_is(value):
    assert calendar_date(value) == value


@pytest.mark.parametrize(
    ("name", "kind", "is_date"),
    [
        ("Date", FieldKind.DATE_TIME, True),
        ("DueDate", FieldKind.DATE_TIME, True),
        ("DateTime", FieldKind.DATE_TIME, False),
        ("CreatedDateTime", FieldKind.DATE_TIME, False),
        ("EffectiveOn", FieldKind.DATE_TIME, False),
        ("Update", FieldKind.DATE_TIME, False),
        ("DueDate", FieldKind.STRING, False),
        ("DueDate", FieldKind.UNKNOWN, False),
    ],
)
def test_only_an_instant_whose_name_ends_in_date_is_a_calendar_date(name, kind, is_date):
    sent = "2026-03-13T00:00:00-04:00"
    record = Shape({name: kind}).converter()({name: {"value": sent}})
    assert record[name] == ("2026-03-13T00:00:00+00:00" if is_date else sent)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
YEARS = {"min_value": datetime(1753, 1, 4), "max_value": datetime(9999, 12, 30)}  # noqa: DTZ001 (hypothesis adds zones)
INSTANTS = st.datetimes(**YEARS, timezones=ZONES)


@st.composite
def sent_instants(draw):
    """An instant as the ERP writes it: 0 to 3 digits behind the second, any offset; and what it means."""
    instant, digits = draw(INSTANTS), draw(st.integers(0, 3))
    cut = instant.replace(microsecond=instant.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    fraction = f".{cut.microsecond:06d}"[: digits + 1] if digits else ""
    offset = cut.strftime("%z")
    zone = "Z" if offset == "+0000" and draw(st.booleans()) else f"{offset[:3]}:{offset[3:5]}"
    return cut.strftime("%Y-%m-%dT%H:%M:%S").zfill(19) + fraction + zone, cut


@given(sent_instants(), sent_instants())
def test_instants_sort_as_texts_as_they_do_in_time(one, other):
    first, second = utc_instant(one[0]), utc_instant(other[0])
    assert len(first) == len(second) == len("2026-11-22T19:44:05.123000Z")
    assert (first < second) == (one[1] < other[1])
    assert (first == second) == (one[1] == other[1])


@given(sent_instants())
def test_an_instant_in_utc_is_the_same_instant(sent):
    text, meant = sent
    assert datetime.fromisoformat(utc_instant(text)) == meant
    assert utc_instant(utc_instant(text)) == utc_instant(text) == format_instant(meant)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2023-12-14T02:13:53.32+00:00", "2023-12-14T02:13:53.320000Z"),
        ("2026-02-11T14:15:14.04-05:00", "2026-02-11T19:15:14.040000Z"),
        ("2026-02-11T14:15:14", "2026-02-11T14:15:14.000000Z"),
        ("2026-02-11T23:30:00-05:00", "2026-02-12T04:30:00.000000Z"),
        (None, None),
        ("", None),
    ],
)
def test_an_instant_comes_in_utc(sent, expected):
    assert utc_instant(sent) == expected


@pytest.mark.parametrize("sent", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+03:00", "9999-12-31T23:59:59-05:00"])
def test_the_ends_of_the_servers_calendar_are_instants_of_the_same_width(sent):
    assert len(utc_instant(sent)) == len("2026-11-22T19:44:05.123000Z")


FIRST, LAST = "1753-01-03T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize(
    ("instant", "by", "expected"),
    [
        ("2026-11-22T19:44:05.123000Z", timedelta(hours=-12), "2026-11-22T07:44:05.123000Z"),
        ("0001-01-01T00:00:00.000000Z", timedelta(hours=-12), FIRST),
        (FIRST, timedelta(hours=-12), FIRST),
        ("9999-12-31T23:59:59.999900Z", timedelta(milliseconds=1), LAST),
    ],
)
def test_an_instant_is_moved_no_further_than_the_database_can_compare(instant, by, expected):
    assert moved(instant, by) == expected


@pytest.mark.parametrize("sent", ["soon", "2026-13-01T00:00:00Z"])
def test_a_text_that_is_no_instant_is_an_error(sent):
    with pytest.raises(ValueError, match=r"isoformat|month"):
        utc_instant(sent)


STRING, DECIMAL = FieldKind.STRING, FieldKind.DECIMAL


def test_joined_shapes_have_all_columns_of_both():
    one = Shape({"A": STRING, "B": STRING}, {"O": Shape({"X": STRING})}, {"C": Shape({"P": STRING})})
    other = Shape({"B": STRING, "D": DECIMAL}, {"O": Shape({"Y": STRING}), "O2": Shape()}, {"C2": Shape()})
    assert one.joined(other) == Shape(
        {"A": STRING, "B": STRING, "D": DECIMAL},
        {"O": Shape({"X": STRING, "Y": STRING}), "O2": Shape()},
        {"C": Shape({"P": STRING}), "C2": Shape()},
    )


def test_a_field_that_two_tenants_type_differently_has_no_known_kind():
    one, other = Shape({"A": STRING}, {"O": Shape({"X": DECIMAL})}), Shape({"A": DECIMAL}, {"O": Shape({"X": STRING})})
    unknown = FieldKind.UNKNOWN
    assert one.joined(other) == Shape({"A": unknown}, {"O": Shape({"X": unknown})})


@given(shapes())
def test_a_shape_joined_with_itself_is_itself(shape):
    assert shape.joined(shape) == shape


@given(shapes(), shapes())
def test_it_does_not_matter_which_tenant_is_asked_first(one, other):
    assert one.joined(other) == other.joined(one)


@given(shapes(), shapes(), st.data())
def test_a_tenants_records_keep_their_values_in_the_joined_shape(one, other, data):
    raw = data.draw(wires(one))
    columns = {*ALWAYS, *one.fields} - other.objects.keys()
    # Each tenant is read by its own shape; without its kind, a choice would be the pair that was sent.
    columns -= {name for name, kind in one.joined(other).fields.items() if kind is not one.fields.get(name)}
    alone = msgspec.json.decode(msgspec.json.encode(one.converter()(raw)))
    joined = msgspec.json.decode(msgspec.json.encode(one.joined(other).converter()(raw)))
    assert joined.keys() >= columns
    for name in columns:
        assert joined[name] == alone[name], name


def test_a_field_that_is_a_linked_object_in_another_tenant_keeps_its_value():
    field, linked = Shape({"Owner": STRING}), Shape({}, {"Owner": Shape({"Name": STRING})})
    for joined in (field.joined(linked), linked.joined(field)):
        assert joined.converter()({"Owner": {"value": "EP01"}})["Owner"] == "EP01"


CHOICE, COUNT, CHOICES = FieldKind.CHOICE, FieldKind.INTEGER_CHOICE, FieldKind.CHOICES


@pytest.mark.parametrize(
    ("kind", "value", "id_", "label"),
    [
        (CHOICE, {"id": "N", "description": "Open"}, "N", "Open"),
        (CHOICE, {"id": "N", "description": None}, "N", None),
        (CHOICE, {"id": "N"}, "N", None),
        (CHOICE, "N", "N", None),
        (CHOICE, None, None, None),
        (COUNT, {"id": 90, "description": "01:30"}, 90, "01:30"),
        (CHOICES, [{"id": "MO", "description": "Monday"}, {"id": "TU"}], ["MO", "TU"], ["Monday", None]),
        (CHOICES, [], [], []),
        (CHOICES, "MO", ["MO"], None),
    ],
)
def test_a_choice_is_its_id_and_beside_it_its_label(kind, value, id_, label):
    record = Shape({"A": kind}).converter()({"A": {"value": value}})
    assert (record["A"], record["A_description"]) == (id_, label)


def test_a_text_that_comes_as_a_choice_is_its_id():
    assert Shape({"A": STRING}).converter()({"A": {"value": {"id": "N", "description": "Open"}}})["A"] == "N"


@pytest.mark.parametrize("taken", ["A_description", "a_Description"])
def test_a_label_gives_way_to_a_column_of_the_erp(taken):
    shape = Shape({"A": CHOICE, taken: STRING})
    assert list(shape.json_schema()) == ["id", "A", taken, "note", "custom"]
    assert (shape.covered_labels, dict(shape.labels)) == (["A"], {})
    linked = Shape({"A": CHOICE}, {taken: Shape({"B": STRING})})
    assert linked.covered_labels == ["A"]


def test_a_label_alone_needs_the_field_that_it_belongs_to():
    shape = Shape({"A": CHOICE, "B": STRING})
    assert shape.needed({"A_description", "B"}) == {"A", "A_description", "B"}
    assert shape.filled_by(["A", "B"]) == ["A", "A_description", "B"]
    assert shape.converter({"A_description"})({"A": {"value": {"id": "N", "description": "Open"}}}) == {
        "A_description": "Open"
    }


def test_custom_choices_are_their_ids():
    raw = {"V": {"One": {"type": "CustomStringSingleSelectField", "value": {"id": "EU", "description": "Europe"}}}}
    raw["V"]["Some"] = {"type": "CustomStringMultiSelectField", "value": [{"id": "MO", "description": "Monday"}]}
    assert custom_values(raw) == {"V": {"One": "EU", "Some": ["MO"]}}


@pytest.mark.parametrize(
    ("sent", "date"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T00:00:00", "2026-03-01"),
        ("2026-03-01T00:00:00+13:00", "2026-03-01"),
        ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z"),
        (None, None),
    ],
)
def test_a_date_has_no_time_and_no_zone(sent, date):
    shape = Shape({"Day": FieldKind.DATE})
    assert shape.converter()({"Day": {"value": sent}})["Day"] == date
    assert shape.json_schema()["Day"]["format"] == "date"


def test_a_date_that_is_described_as_a_time_is_midnight_of_that_day():
    shape = Shape({"Due": FieldKind.DAY})
    for sent in ("2026-03-01", "2026-03-01T00:00:00-05:00"):
        assert shape.converter()({"Due": {"value": sent}})["Due"] == "2026-03-01T00:00:00+00:00"
    assert shape.json_schema()["Due"]["format"] == "date-time"


def test_tenants_with_different_contracts_share_the_column_of_a_choice():
    for one, other, both in (
        (STRING, CHOICE, CHOICE),
        (FieldKind.INTEGER, COUNT, COUNT),
        (STRING, CHOICES, FieldKind.UNKNOWN),
    ):
        assert Shape({"A": one}).joined(Shape({"A": other})).fields == {"A": both}
        assert Shape({"A": other}).joined(Shape({"A": one})).fields == {"A": both}


def as_written_anew(text):
    instant = datetime.fromisoformat(text)
    return format_instant(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


@given(
    st.datetimes(),
    st.sampled_from(["-", ""]),
    st.sampled_from(["T", " ", "t"]),
    st.sampled_from([":", ""]),
    st.sampled_from(["", ".", ","]),
    st.text("0123456789", max_size=9),
    st.sampled_from(["Z", "+00:00", "-05:00", ""]),
)
def test_an_instant_is_the_same_however_it_is_written(instant, dash, between, colon, point, digits, zone):
    """Some are taken as they are written: the same as if they were made of their parts."""
    text = instant.strftime(f"%Y{dash}%m{dash}%d{between}%H{colon}%M{colon}%S").zfill(4 + 2 * len(dash) + 11)
    text = f"{text}{point}{digits if point else ''}{zone}"
    try:
        expected = as_written_anew(text)
    except ValueError:
        with pytest.raises(ValueError):
            utc_instant(text)
    else:
        assert utc_instant(text) == expected


@pytest.mark.parametrize(
    "text", ["2025-W10-2T05:06:07.123Z", "2025-W10-2T05:06:07.123456Z", "2025-03-04T05:06:07.1234567Z"]
)
def test_an_instant_of_another_form_is_written_anew(text):
    assert utc_instant(text) == as_written_anew(text)
