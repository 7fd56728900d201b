"""Tests that a body is read within its bounds, and as it is within them."""

from __future__ import annotations

import gzip
import io
import tracemalloc

import pytest
import requests
from urllib3 import HTTPResponse

from source_acumatica.erp import response as responses
from source_acumatica.erp.errors import AnswerTooLarge


def answer(body: bytes, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.raw = HTTPResponse(io.BytesIO(body), headers=headers, preload_content=False, status=200)
    return response


@pytest.mark.parametrize("body", [b"", b"x", b"some text " * 100_000])
@pytest.mark.parametrize("is_packed", [False, True])
def test_what_is_within_the_bounds_arrives_whole(body, is_packed):
    headers = {"content-encoding": "gzip"} if is_packed else {}
    response = answer(gzip.compress(body) if is_packed else body, **headers)
    responses.bound(response, 10, len(body))
    assert response.content == body


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_byte_more_than_allowed_is_too_much(is_packed):
    body = b"some text " * 100_000
    headers = {"content-encoding": "gzip"} if is_packed else {}
    response = answer(gzip.compress(body) if is_packed else body, **headers)
    responses.bound(response, 10, len(body) - 1)
    with pytest.raises(AnswerTooLarge, match="larger than 0 MB"):
        _ = response.content


def test_what_comes_too_late_is_a_time_out():
    response = answer(b"x" * 10_000)
    responses.bound(response, -1, 10**6)
    with pytest.raises(requests.ReadTimeout):
        _ = response.content


def test_what_is_unpacked_is_counted_before_it_takes_memory():
    """The library gives it out in pieces, so a gigabyte of nothing is never held as a whole."""
    response = answer(gzip.compress(b"\0" * 50_000_000), **{"content-encoding": "gzip"})
    responses.bound(response, 10, 1_000_000)
    taken = 0
    with pytest.raises(AnswerTooLarge):
        for piece in response.iter_content(1):
            taken = max(taken, len(piece))
    assert taken <= 300_000


def test_bytes_that_keep_coming_do_not_count_against_the_time(monkeypatch):
    """A large file takes longer than the read time-out; one that stalls does not."""
    seconds = iter(range(0, 1000, 5))
    monkeypatch.setattr(responses.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(responses, "_PIECE_BYTES", 100_000)
    body = b"x" * 1_000_000
    response = answer(body)
    responses.bound(response, 10, len(body), slowest_bytes_per_second=20_000)
    assert response.content == body
    slow = answer(body)
    responses.bound(slow, 10, len(body), slowest_bytes_per_second=50_000)
    with pytest.raises(requests.ReadTimeout):
        _ = slow.content


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_body_that_is_read_whole_is_in_memory_once(is_packed):
    body = bytes(range(256)) * 40_000
    response = answer(gzip.compress(body) if is_packed else body, **({"content-encoding": "gzip"} if is_packed else {}))
    responses.bound(response, 10, len(body))
    tracemalloc.start()
    responses.read_whole(response)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.content == body
    assert response.text
    assert peak_bytes < 1.3 * len(body)


def test_a_body_that_is_too_large_has_no_content():
    response = answer(b"x" * 100)
    responses.bound(response, 10, 99)
    with pytest.raises(AnswerTooLarge):
        responses.read_whole(response)
