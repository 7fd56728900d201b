"""Tests what the streams of both APIs share."""

from __future__ import annotations

from source_acumatica.reading.codec import shared_codec
from source_acumatica.reading.page_size import can_be_smaller


def test_a_codec_is_made_once_for_all_tenants_with_the_same_table():
    codecs, made = [], []

    def codec_of(table):
        return shared_codec(codecs, table, lambda: made.append(table) or f"codec {len(made)}")

    assert [codec_of("a"), codec_of("b"), codec_of("a")] == ["codec 1", "codec 2", "codec 1"]


def test_a_request_for_a_page_of_several_rows_can_be_smaller():
    assert can_be_smaller({"top": 500})
    assert not can_be_smaller({"top": 2}), "an anchored page has the last row of the one before"
    assert not can_be_smaller({})
