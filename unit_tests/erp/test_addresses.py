"""Tests that a query string keeps what OData needs as it is, and says whether a server takes its length."""

from __future__ import annotations

from source_acumatica.erp.addresses import LONGEST_QUERY_CHARACTERS, encode, fits


def test_signs_of_odata_stay_and_those_that_a_server_would_misread_are_quoted():
    sent = encode({"$filter": "At gt datetimeoffset'2026-01-01T00:00:00+01:00'", "$select": "A,B/C"})
    assert sent == "$filter=At%20gt%20datetimeoffset'2026-01-01T00%3A00%3A00%2B01%3A00'&$select=A,B/C"


def test_the_length_counts_as_it_is_sent():
    name = "$filter="
    assert fits({"$filter": "x" * (LONGEST_QUERY_CHARACTERS - len(name))})
    assert not fits({"$filter": "x" * (LONGEST_QUERY_CHARACTERS - len(name) + 1)})
    assert not fits({"$filter": "+" * (LONGEST_QUERY_CHARACTERS // 3)})
    assert not fits({"a": "b"}, longest=2)
