"""Tests that ids are taken in as the ERP writes them, and that nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from source_acumatica.reading.record_ids import id_text, packed, packed_chunks, single_ids

from .ids import random_ids

ID = "9914045b-63c6-fc95-78dd-e6e5fd29f054"
DIGITS = "9914045b63c6fc9578dde6e5fd29f054"


@given(st.lists(st.binary(min_size=16, max_size=16)), st.data())
def test_case_and_dashes_make_no_difference(ids, data):
    forms = st.sampled_from([str, str.upper, lambda text: text.replace("-", "")])
    texts = [data.draw(forms)(id_text(each)) for each in ids]
    assert packed(texts) == b"".join(ids)
    assert list(single_ids(packed(texts))) == ids


def test_an_id_comes_back_in_lower_case_with_dashes():
    assert id_text(packed([DIGITS.upper()])) == ID


def test_no_ids_are_no_bytes():
    assert packed([]) == b""
    assert list(packed_chunks([])) == []


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1_000, 1_234])
def test_ids_are_taken_in_a_few_at_a_time(count):
    ids = random_ids(count)
    assert b"".join(packed_chunks(iter(ids))) == packed(ids)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "-",
        "SO000123",
        ID[:-1],
        ID + "0",
        ID[:-1] + "g",
        ID[:-1] + "\N{FULLWIDTH DIGIT ZERO}",
        ID[:-1] + "\ud800",
        "0x" + DIGITS[2:],
        "+" + DIGITS[1:],
        DIGITS[:16] + "_" + DIGITS[17:],
        "{" + ID + "}",
        " " + ID,
        ID + " ",
        ID[:-2] + "  ",
        DIGITS[:2] + " \t" + DIGITS[4:],
        ID + "," + ID,
        DIGITS[:16] + "," + DIGITS[17:],
        None,
        5,
    ],
)
def test_what_is_not_a_guid_is_named(wrong):
    for ids in ([wrong], [ID, wrong], [wrong, ID], [ID] * 3 + [wrong] + [ID] * 3):
        with pytest.raises(ValueError, match="is not the id of a record") as caught:
            packed(ids)
        assert str(caught.value).startswith(repr(wrong))


@pytest.mark.parametrize("moved", range(1, 40))
def test_an_id_does_not_take_digits_from_its_neighbour(moved):
    first, second = (DIGITS * 2)[: 32 + moved], (DIGITS * 2)[32 + moved :]
    for ids in ([first, second], [second, first], [ID, first, second, ID]):
        with pytest.raises(ValueError, match="is not the id of a record"):
            packed(ids)


@given(st.lists(st.text(st.sampled_from("0af-, \n"), min_size=30, max_size=37), min_size=1, max_size=3))
@example([DIGITS, "", DIGITS])
@example([DIGITS + ",", DIGITS[:-1] + ","])
def test_ids_are_taken_in_together_only_if_each_would_be_alone(ids):
    def is_taken(texts):
        try:
            return len(packed(texts)) == 16 * len(texts)
        except ValueError:
            return False

    assert is_taken(ids) == all(is_taken([each]) for each in ids)
