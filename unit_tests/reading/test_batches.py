"""Tests that rows come out of an answer as they went in, wherever it is cut, and only when it is whole."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_acumatica.erp.json_text import BrokenTextError
from source_acumatica.reading import batches
from source_acumatica.reading.batches import in_batches, pack

NAMES = st.sampled_from(["Results", "Other", "a", "Größe"])
VALUES = st.recursive(
    st.none() | st.integers() | st.sampled_from(['"', "\\", "]}", "[{", "ä", "Results", ',"Results":[']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
WIRED = st.lists(st.dictionaries(NAMES, VALUES | st.fixed_dictionaries({"value": VALUES}), max_size=4), max_size=6)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(batches, "_BATCH_BYTES", 20)


def rows_in(text):
    return msgspec.json.decode(b"[%b]" % text, type=list)


def pieces(body, size):
    return [body[start : start + size] for start in range(0, len(body), size)]


@given(
    WIRED | st.lists(VALUES, max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(st.sampled_from(["b", "c"]), VALUES, max_size=2),
    st.sampled_from([["Results"], ["Größe"], ["Outer", "Results"]]),
    st.integers(1, 50),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_the_rows_of_a_list_come_out_as_they_went_in(rows, before, behind, path, size, indent, is_ascii):
    for name in path:
        before.pop(name, None)
    raw = rows
    for name in reversed(path):
        raw = {name: raw}
    body = json.dumps({**before, **raw, **behind}, indent=indent, ensure_ascii=is_ascii).encode()
    packed, rest = pack(pieces(body, size), path, rows_in)
    assert list(packed) == rows
    assert len(packed) == len(rows)
    emptied = []
    for name in reversed(path):
        emptied = {name: emptied}
    assert json.loads(rest) == {**before, **emptied, **behind}


@given(WIRED, st.integers(1, 30), st.data())
def test_an_answer_that_breaks_off_gives_no_rows(rows, size, data):
    body = json.dumps({"a": 1, "Results": rows}).encode()
    body = body[: data.draw(st.integers(1, len(body) - 1))]
    with pytest.raises((BrokenTextError, msgspec.DecodeError)):
        pack(pieces(body, size), ["Results"], rows_in)


def test_rows_are_given_a_batch_at_a_time():
    body = json.dumps({"Results": [{"value": number} for number in range(100)]}).encode()
    packed, _ = pack(pieces(body, 16), ["Results"], rows_in)
    given_ = [*in_batches(packed)]
    assert [row["value"] for batch in given_ for row in batch] == [*range(100)]
    assert max(map(len, given_)) < 5
    assert packed[3] == {"value": 3}


@pytest.mark.parametrize(
    "body", [b'{"Results": [{"a": 1}}', b'{"Results": [{"a": 1}{"error": {"message": "No."}}]}', b"]"]
)
def test_brackets_that_do_not_match_are_no_answer(body):
    with pytest.raises((BrokenTextError, msgspec.DecodeError)):
        _, rest = pack([body], ["Results"], rows_in)
        msgspec.json.decode(rest)
