"""Tests that a file lies at its place whole, or not at all."""

from __future__ import annotations

import errno
import gzip
import zlib
from contextlib import closing
from functools import partial

import pytest

from source_acumatica.config import Config
from source_acumatica.erp import download as downloads
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.download import DOUBTFUL, TOO_LARGE, Doubts, Habit, StagingError, download, has_a_seat
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


def get(answer, place, name="x.pdf", retries=4, habit=None):
    more = {"where": "here", "headers": {}, "habit": habit or Habit(), "doubts": Doubts()}
    with erp(answer) as (config, calls):
        with closing(Client(Config.parse(config), RetryPolicy(retries, 1, 0.001))) as client:
            size = download(client, "A", "/entity/Default/1/files/7", name, place, **more)
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


def in_doubt(answer, place, rounds=3, name="x.pdf", habit=None):
    """As ``get`` does it, with the list asked for in between; what came of each round."""
    doubts, found = Doubts(), []
    more = {"where": "here", "headers": {}}
    with erp(answer) as (config, _), closing(Client(Config.parse(config), RetryPolicy(4, 5, 0.001))) as client:
        for _ in range(rounds):
            try:
                with_ = {**more, "habit": habit or Habit(), "doubts": doubts}
                found.append(download(client, "A", "/entity/Default/1/files/7", name, place, **with_))
                break
            except RequestFailed as failure:
                assert failure.problem.status == DOUBTFUL
                found.append(has_a_seat(client, "A", "/entity/Default/1/Bill", doubts, **more))
    return found


def test_an_empty_body_is_believed_once_its_session_has_given_lists_in_between(tmp_path):
    """For want of a seat, some sites answer with an empty body, too."""
    found = in_doubt(lambda handler: send(handler, b"" if "/files/" in handler.path else b"[]"), tmp_path / "x.pdf")
    assert found == [True, True, 0]


def test_an_empty_body_for_want_of_a_seat_is_no_empty_file(tmp_path):
    """However often it comes: the list is asked for until there is a seat, and then the file again."""
    calls = []

    def answer(handler):
        calls.append(handler.path)
        send(handler, b"" if len(calls) < 6 else CONTENT)

    assert in_doubt(answer, tmp_path / "x.pdf")[1:] == [len(CONTENT)]
    assert len([path for path in calls if "/files/" in path]) == 2
    assert (tmp_path / "x.pdf").read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "habit"), [(204, Habit()), (200, Habit(declares=True))])
def test_an_empty_body_is_never_believed_without_the_status_or_the_habit_of_files(tmp_path, status, habit):
    def answer(handler):
        send(handler, *((b"", None, True, status) if "/files/" in handler.path else (b"[]",)))

    assert in_doubt(answer, tmp_path / "x.pdf", 5, habit=habit) == [True] * 5


def test_a_body_without_an_end_is_believed_when_it_stays_so(tmp_path):
    bodies = [CONTENT[:70_000], CONTENT, CONTENT, CONTENT]
    size, calls = get(lambda handler: send(handler, bodies.pop(0), length=False), tmp_path / "x.pdf")
    assert (size, len(calls)) == (len(CONTENT), 4)
    assert (tmp_path / "x.pdf").read_bytes() == CONTENT


PAGE = b"<!DOCTYPE html><html>down for maintenance</html>"
ERROR = b'{"message": "An error has occurred.", "exceptionMessage": "not now"}'


def test_a_web_page_is_no_file_unless_it_is_one(tmp_path):
    for kind in ("text/html", "text/plain", "application/octet-stream"):
        with pytest.raises(RequestFailed, match="web page instead of data"):
            get(lambda handler, kind=kind: send(handler, PAGE, kind=kind), tmp_path / "x.pdf", retries=1)
    assert [*tmp_path.iterdir()] == []
    assert get(lambda handler: send(handler, PAGE, DISPOSITION, kind="text/html"), tmp_path / "x.pdf")[0] == len(PAGE)


def test_a_page_is_a_file_by_its_name_only_while_the_site_gives_lists(tmp_path):
    """In maintenance it would answer to them with a page as well."""

    def answer(handler):
        send(handler, *((PAGE, None, True, 200, "text/html") if "/files/" in handler.path else (b"[]",)))

    without = Habit(goes_without=True)
    assert in_doubt(answer, tmp_path / "y", name="Y.HTM", habit=without) == [True, True, len(PAGE)]
    assert in_doubt(answer, tmp_path / "z", 4, name="Y.HTM") == [True] * 4
    assert in_doubt(answer, tmp_path / "z", 4, name="Y.HTM", habit=Habit(declares=True)) == [True] * 4
    down = partial(send, body=PAGE, kind="text/html")
    assert in_doubt(down, tmp_path / "z", name="Y.HTM", habit=without) == [False] * 3


def test_a_file_that_looks_like_an_error_is_a_file_if_it_is_declared(tmp_path):
    body = b'{"message": "An error has occurred.", "exceptionMessage": "kept as evidence"}'
    answer = partial(send, body=body, headers=DISPOSITION, kind="application/json")
    assert get(answer, tmp_path / "x")[0] == len(body)


def test_an_error_in_place_of_a_file_is_none(tmp_path):
    bodies = [ERROR, ERROR, CONTENT]
    size, calls = get(lambda handler: send(handler, bodies.pop(0)), tmp_path / "x.pdf")
    assert (size, len(calls)) == (len(CONTENT), 3)
    with pytest.raises(RequestFailed, match=r"an error instead of the file .*not now"):
        get(lambda handler: send(handler, ERROR), tmp_path / "x.pdf", retries=1)


@pytest.mark.parametrize(
    "body", [b"The custom error module does not recognize this error.", ERROR.replace(b"not now", b"API Login Limit")]
)
def test_what_is_said_for_want_of_a_seat_is_no_file(tmp_path, body):
    with pytest.raises(RequestFailed, match="seats of the licence"):
        get(lambda handler: send(handler, body), tmp_path / "x.pdf", retries=1)


def test_once_a_file_was_declared_nothing_else_is_one(tmp_path):
    habit = Habit()
    get(lambda handler: send(handler, CONTENT, DISPOSITION), tmp_path / "x.pdf", habit=habit)
    with pytest.raises(RequestFailed, match="does not say that it is a file"):
        get(lambda handler: send(handler, b"some text"), tmp_path / "y.pdf", habit=habit, retries=1)


@pytest.mark.parametrize("status", [201, 206])
def test_another_status_is_no_file(tmp_path, status):
    with pytest.raises(RequestFailed, match=f"another status than a file has .{status}"):
        get(lambda handler: send(handler, CONTENT, DISPOSITION, status=status), tmp_path / "x.pdf", retries=1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 422])
def test_a_refusal_says_what_it_means_for_a_file(tmp_path, status):
    said = "does not find the file" if status == 404 else "refuses the file"
    with pytest.raises(RequestFailed, match=rf"the ERP {said} \({status}\).*no rights") as caught:
        get(lambda handler: send(handler, b'{"message": "no rights"}', status=status), tmp_path / "x.pdf", retries=1)
    assert caught.value.problem.status == status


@pytest.mark.parametrize("packing", [gzip.compress, zlib.compress])
def test_a_packed_file_that_breaks_off_is_none(tmp_path, packing):
    """Its length is that of what was sent, so only the packing shows it."""
    headers = {**DISPOSITION, "Content-Encoding": "gzip" if packing is gzip.compress else "deflate"}
    with pytest.raises(RequestFailed, match="broke off"):
        get(lambda handler: send(handler, packing(CONTENT)[:-20], headers), tmp_path / "x.pdf", retries=4)
    assert [*tmp_path.iterdir()] == []


def test_a_packed_file_is_believed_when_it_is_whole(tmp_path):
    headers = {**DISPOSITION, "Content-Encoding": "gzip"}
    assert get(lambda handler: send(handler, gzip.compress(CONTENT), headers), tmp_path / "x.pdf")[0] == len(CONTENT)


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
