"""Tests that a file lies at its place whole, or not at all."""

from __future__ import annotations

import errno
from contextlib import closing

import pytest

from source_acumatica.config import Config
from source_acumatica.erp import download as downloads
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.download import TOO_LARGE, StagingError, download
from source_acumatica.erp.errors import RequestFailed
from unit_tests.erp.test_client import erp

DISPOSITION = {"Content-Disposition": "attachment; filename=x.pdf"}
CONTENT = bytes(range(256)) * 3000


def send(handler, body, headers=None, length=True, status=200, kind="application/octet-stream"):
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if length is not False:
        handler.send_header("Content-Length", str(len(body) if length is True else length))
    else:
        handler.send_header("Connection", "close")
        handler.close_connection = True
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


def get(answer, place, name="x.pdf", retries=4):
    with erp(answer) as (config, calls):
        with closing(Client(Config.parse(config), RetryPolicy(retries, 1, 0.001))) as client:
            size = download(client, "A", "/entity/Default/1/files/7", name, place, where="here", headers={})
        return size, [call for call in calls if "/files/" in call]


def test_a_file_is_written_byte_by_byte(tmp_path):
    place = tmp_path / "x.pdf"
    size, calls = get(lambda handler: send(handler, CONTENT), place)
    assert size == len(CONTENT)
    assert place.read_bytes() == CONTENT
    assert len(calls) == 1
    assert [*tmp_path.iterdir()] == [place]


def test_a_download_that_breaks_off_is_tried_again_and_nothing_lies_there_meanwhile(tmp_path):
    place, seen = tmp_path / "x.pdf", []

    def answer(handler):
        seen.append(place.exists())
        if len(seen) < 3:
            send(handler, CONTENT[: 1000 * len(seen)], length=len(CONTENT))
            handler.close_connection = True
        else:
            send(handler, CONTENT)

    assert get(answer, place)[0] == len(CONTENT)
    assert place.read_bytes() == CONTENT
    assert seen == [False] * 3


def test_one_that_always_breaks_off_leaves_nothing(tmp_path):
    def answer(handler):
        send(handler, CONTENT[:5000], length=len(CONTENT))
        handler.close_connection = True

    with pytest.raises(RequestFailed, match="here: "):
        get(answer, tmp_path / "x.pdf", retries=2)
    assert [*tmp_path.iterdir()] == []


def test_an_empty_file_that_is_declared_as_one_is_believed_at_once(tmp_path):
    size, calls = get(lambda handler: send(handler, b"", DISPOSITION), tmp_path / "x.pdf")
    assert (size, len(calls)) == (0, 1)
    assert (tmp_path / "x.pdf").read_bytes() == b""


def test_an_empty_body_alone_is_believed_when_it_stays_so(tmp_path):
    """For want of a seat, some sites answer with an empty body, too."""
    size, calls = get(lambda handler: send(handler, b""), tmp_path / "x.pdf")
    assert (size, len(calls)) == (0, 3)


def test_an_empty_body_by_chance_is_no_empty_file(tmp_path):
    bodies = [b"", b"", CONTENT]
    size, calls = get(lambda handler: send(handler, bodies.pop(0)), tmp_path / "x.pdf")
    assert (size, len(calls)) == (len(CONTENT), 3)


def test_a_body_without_an_end_is_believed_when_it_stays_so(tmp_path):
    bodies = [CONTENT[:70_000], CONTENT, CONTENT, CONTENT]
    size, calls = get(lambda handler: send(handler, bodies.pop(0), length=False), tmp_path / "x.pdf")
    assert (size, len(calls)) == (len(CONTENT), 4)
    assert (tmp_path / "x.pdf").read_bytes() == CONTENT


def test_a_web_page_is_no_file_unless_it_is_one(tmp_path):
    page = b"<!DOCTYPE html><html>down for maintenance</html>"
    with pytest.raises(RequestFailed, match="web page instead of data"):
        get(lambda handler: send(handler, page, kind="text/html"), tmp_path / "x.pdf", retries=1)
    assert [*tmp_path.iterdir()] == []
    assert get(lambda handler: send(handler, page, DISPOSITION, kind="text/html"), tmp_path / "x.pdf")[0] == len(page)
    assert get(lambda handler: send(handler, page, kind="text/html"), tmp_path / "y", name="Y.HTM")[0] == len(page)


def test_a_file_that_looks_like_an_error_is_a_file(tmp_path):
    body = b'{"message": "An error has occurred.", "exceptionMessage": "kept as evidence"}'
    assert get(lambda handler: send(handler, body, kind="application/json"), tmp_path / "x")[0] == len(body)


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_file_that_is_too_large_is_not_kept(tmp_path, monkeypatch, says_its_length):
    monkeypatch.setattr(downloads, "LARGEST_FILE_BYTES", 100_000)
    with pytest.raises(RequestFailed) as caught:
        get(lambda handler: send(handler, CONTENT, length=says_its_length), tmp_path / "x.pdf")
    assert caught.value.problem.status == TOO_LARGE
    assert [*tmp_path.iterdir()] == []


def test_a_staging_folder_that_cannot_be_written_to_is_no_failure_of_the_network(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")

    class Out:
        def write(self, _piece):
            raise full

        def close(self):
            pass

    monkeypatch.setattr(downloads.Path, "open", lambda *_: Out())
    with pytest.raises(StagingError, match="No space left") as caught:
        get(lambda handler: send(handler, CONTENT), tmp_path / "x.pdf")
    assert caught.value.number == errno.ENOSPC


def test_the_session_is_free_again_after_a_failure_to_write(tmp_path):
    with pytest.raises(StagingError):
        get(lambda handler: send(handler, CONTENT), tmp_path / "no such folder" / "x.pdf")
