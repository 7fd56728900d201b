"""Tests that instants sort as text, and that a calendar date stays on its day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.reading.fields import (
    FieldKind,
    Shape,
    calendar_date,
    format_instant,
    moved,
    utc_instant,
)


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


def as_written_again(text):
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
        expected = as_written_again(text)
    except ValueError:
        with pytest.raises(ValueError):
            utc_instant(text)
    else:
        assert utc_instant(text) == expected


@pytest.mark.parametrize(
    "text", ["2025-W10-2T05:06:07.123Z", "2025-W10-2T05:06:07.123456Z", "2025-03-04T05:06:07.1234567Z"]
)
def test_an_instant_of_another_form_is_written_again(text):
    assert utc_instant(text) == as_written_again(text)
