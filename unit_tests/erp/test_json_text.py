"""Tests that text which is not quite JSON is read for what it means, and that nothing else is touched."""

from __future__ import annotations

import json
import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.errors import Action
from source_acumatica.erp.json_text import BrokenTextError, decode

ANYTHING = msgspec.json.Decoder(float_hook=msgspec.Raw)
TEXTS = st.text(st.characters(), max_size=8) | st.lists(
    st.sampled_from(["\ud83d", "\ude00", "\\", '"', "u", "d83d", "NaN", "-Infinity", "\n", "\x00", ","]), max_size=6
).map("".join)
SPECIAL_NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | SPECIAL_NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
HALF = re.compile("[\ud800-\udfff]")


def meant(value):
    """What a value comes as."""
    match value:
        case str():
            # Halves that stand side by side are a character in JSON.
            return HALF.sub("\ufffd", value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
        case float():
            return None
        case list():
            return [meant(one) for one in value]
        case dict():
            return {meant(name): meant(one) for name, one in value.items()}
        case _:
            return value


@given(VALUES, st.booleans())
def test_all_that_a_server_may_write_is_read_for_what_it_means(value, has_mark):
    body = json.dumps(value).encode()
    assert decode(ANYTHING, (b"\xef\xbb\xbf" if has_mark else b"") + body) == meant(value)


@given(TEXTS)
def test_control_characters_that_are_not_escaped_are_kept(text):
    text = HALF.sub("", text)
    body = json.dumps(text, ensure_ascii=False)
    raw = body.replace("\\n", "\n") if "\\\\" not in body else body
    assert decode(ANYTHING, raw.encode()) == text


def test_numbers_keep_every_digit_where_another_value_is_mended():
    body = b'{"a": 1234.560000, "b": NaN, "c": 1E400, "d": 12345678901234567890123, "e": "NaN, -Infinity"}'
    told = []
    answer = decode(ANYTHING, body, told.append)
    assert msgspec.json.encode(answer) == (
        b'{"a":1234.560000,"b":null,"c":1E400,"d":12345678901234567890123,"e":"NaN, -Infinity"}'
    )
    assert told == ["an answer holds NaN or Infinity, which are no numbers in JSON; they come as null"]


def test_half_a_character_is_told():
    told = []
    assert decode(ANYTHING, rb'["x\ud83d", "\ud83d\ude00", "\\ud83d", "\ude00\ud83d"]', told.append) == [
        "x\ufffd",
        "\U0001f600",
        "\\ud83d",
        "\ufffd\ufffd",
    ]
    assert len(told) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[", b'["', b'["a", NaN', b"{1: 2}", b"[1,]", b"nan", b"\x00[]", b"[] x", b'{"a": xNaN}', b"<html>"]
)
def test_what_breaks_off_or_is_something_else_is_an_error(body):
    with pytest.raises(BrokenTextError) as raised:
        decode(ANYTHING, body)
    assert raised.value.problem.action is Action.RETRY


@pytest.mark.parametrize("bytes_", [b"\xff", b"\xed\xa0\xbd", b"M\xfcller"])
def test_a_text_that_is_not_utf_8_is_an_error_that_says_where(bytes_):
    body = b'[{"id": "7", "Name": "\xc3\xa4"}, {"id": "8", "Name": "' + bytes_ + b'"}]'
    with pytest.raises(BrokenTextError) as raised:
        decode(ANYTHING, body)
    assert "0x" in raised.value.problem.sentence
    assert '{"id": "8", "Name": "' in raised.value.problem.sentence


@pytest.mark.parametrize(
    ("tail", "quoted"),
    [
        (b'{"error": {"code": "", "message": "It ended."}}', "It ended."),
        (b'"error": {"message": "It \\"ended\\"."', 'It "ended".'),
        (b'{"odata.error": {"code": "", "message": {"lang": "en", "value": "It ended."}}}', "It ended."),
        (b"", ""),
    ],
)
def test_an_error_behind_rows_that_broke_off_is_quoted(tail, quoted):
    with pytest.raises(BrokenTextError) as raised:
        decode(ANYTHING, b'{"value": [{"error": "none", "message": "none"}, {"a": 1}' + tail)
    sentence = raised.value.problem.sentence
    assert sentence.endswith(f"(the ERP says: {quoted})" if quoted else "complete JSON")


def test_a_time_out_among_rows_asks_for_fewer_of_them():
    with pytest.raises(BrokenTextError) as raised:
        decode(ANYTHING, b'{"value": [{}{"error": {"message": "Execution Timeout Expired."}}')
    assert raised.value.problem.action is Action.FEWER_ROWS
