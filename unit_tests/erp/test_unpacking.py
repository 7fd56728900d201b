"""Tests that what gzip has packed is unpacked the same by any library, however it is cut."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import DecodeError

from source_acumatica.erp import unpacking


@pytest.fixture(params=["zlib", "isal.isal_zlib"], scope="module", autouse=True)
def library(request):
    module, was = pytest.importorskip(request.param), unpacking._LIBRARY
    unpacking._LIBRARY = module
    yield module
    unpacking._LIBRARY = was


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


bodies = st.binary(max_size=3000) | st.integers(0, 200_000).map(lambda size: b"some text " * (size // 10))


@given(st.lists(bodies, min_size=1, max_size=3), st.integers(1, 400), st.integers(1, 5000), st.integers(0, 9))
def test_all_parts_arrive_in_pieces_that_are_not_too_long(parts, piece_bytes, most_bytes, level):
    packed = b"".join(gzip.compress(part, level) for part in parts)
    pieces = list(unpacking.unpacked(cut(packed, piece_bytes), most_bytes))
    assert b"".join(pieces) == b"".join(parts)
    assert max(map(len, pieces), default=0) <= most_bytes
    assert all(pieces)


@given(bodies, st.data())
def test_a_body_that_breaks_off_gives_what_has_come(body, data):
    packed = gzip.compress(body)
    end = data.draw(st.integers(0, len(packed)))
    assert body.startswith(b"".join(unpacking.unpacked(cut(packed[:end], 100), 1000)))


@given(bodies, st.data())
def test_a_body_that_must_have_its_end_is_an_error_without_it(body, data):
    packed = gzip.compress(body)
    end = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(DecodeError, match="breaks off"):
        list(unpacking.unpacked(cut(packed[:end], 100), 1000, needs_end=True))
    assert b"".join(unpacking.unpacked(cut(packed, 100), 1000, needs_end=True)) == body
    with pytest.raises(DecodeError):
        list(unpacking.unpacked([packed, b"\x1f\x8b\x08 damaged"], 1000, needs_end=True))


def test_what_follows_and_is_not_packed_is_left_out():
    assert list(unpacking.unpacked([gzip.compress(b"rows"), b"<html>"], 100)) == [b"rows"]
    assert list(unpacking.unpacked([gzip.compress(b"rows") + b"<html>"], 100)) == [b"rows"]


def test_a_body_that_is_not_packed_is_an_error():
    with pytest.raises(DecodeError, match="not what gzip makes"):
        list(unpacking.unpacked([b"<html><body>no gzip</body></html>"], 100))


def test_a_damaged_body_is_an_error():
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[-6] ^= 1
    with pytest.raises(DecodeError):
        list(unpacking.unpacked([bytes(packed)], 100_000))


def test_without_the_fast_library_the_usual_one_does_it(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(unpacking, "import_module", missing)
    assert unpacking._fastest() is zlib
