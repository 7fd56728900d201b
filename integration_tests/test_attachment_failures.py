"""What is not the file is never taken for it, and one file that does not come stops no stream."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from source_acumatica.airbyte import file_output
from source_acumatica.contract import discovery, entity_tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.tables import Table
from source_acumatica.reading.fields import Shape

from .attachments import DAY, KEY, arrived, attach_some, catalog_of, settings, truth
from .attachments import erp as erp
from .attachments import staging as staging
from .harness import Destination
from .simulator import Simulator
from .simulator.access.sessions import SeatAnswer
from .simulator.web.answers import Answer, failure, html, message
from .simulator.web.requests import Request

FILES = "SalesOrder__files"
PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>maintenance</body></html>"


def of_files(answered: Callable[[Answer, int], Answer]) -> Callable[[Request, Answer], Answer]:
    """Another answer for each request of a file; with how many there were before."""
    count = [0]

    def rewritten(request: Request, answer: Answer) -> Answer:
        if "/files/" not in request.path:
            return answer
        count[0] += 1
        return answered(answer, count[0] - 1)

    return rewritten


def keys(erp: Simulator) -> list[tuple[str, str]]:
    return [(row["OrderType"], row["OrderNbr"]) for row in erp.tenant("Company").rows("SalesOrder")]


def without_file(destination: Destination) -> set[str]:
    return {row[3] for row in arrived(destination, FILES) if row[5] is None}


def test_an_empty_answer_for_want_of_a_seat_is_no_empty_file(staging: Path) -> None:
    """The session ends in the middle, and somebody else takes its seat for a while."""
    with Simulator(("Company",), rows=12, lines=1, seats=1, seat_answer=SeatAnswer.EMPTY_200) as erp:
        for number, key in enumerate(keys(erp)[:6]):
            erp.tenant("Company").attach("SalesOrder", key, f"{number}.pdf", size=100 + number)

        def answered(answer: Answer, before: int) -> Answer:
            if before == 1:
                erp.sessions._open.clear()
                erp.sessions.take(1)
                threading.Timer(3, lambda: erp.sessions.take(-1)).start()
            return answer

        erp.rewrite(of_files(answered))
        config, destination = settings(erp), Destination()
        destination.sync(config, catalog_of(config, FILES))
        assert arrived(destination, FILES) == truth(erp)


@pytest.mark.parametrize(
    "other",
    [
        Answer(
            200, b'{"message":"An error has occurred.","exceptionMessage":"no","exceptionType":"PX.Data.PXException"}'
        ),
        Answer(200, b"The custom error module does not recognize this error.", "text/plain"),
        Answer(200, PAGE, "application/octet-stream"),
        Answer(200, PAGE, "text/html"),
        Answer(200, b"out of order", "text/plain"),
        Answer(201, b"abc"),
        Answer(204),
    ],
    ids=["error", "seat", "page", "declared page", "text", "201", "204"],
)
def test_what_comes_instead_of_a_file_for_a_while_is_not_stored_as_one(
    erp: Simulator, staging: Path, other: Answer
) -> None:
    attach_some(erp)
    erp.tenant("Company").attach("SalesOrder", KEY, "mail.html", size=5000)
    erp.rewrite(of_files(lambda answer, before: other if 2 <= before < 6 else answer))
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, FILES))
    assert arrived(destination, FILES) == truth(erp)


def test_a_page_is_not_stored_as_an_attached_page_while_the_site_is_down(erp: Simulator, staging: Path) -> None:
    erp.tenant("Company").attach("SalesOrder", KEY, "mail.html", size=5000)
    is_down = [True]

    def rewritten(request: Request, answer: Answer) -> Answer:
        if "/files/" in request.path and len(is_down) < 4:
            is_down.append(True)
            return html(200, "The site is under maintenance")
        return answer

    erp.rewrite(rewritten)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, FILES))
    assert arrived(destination, FILES) == truth(erp)


def test_a_packed_file_that_breaks_off_is_none(erp: Simulator, staging: Path) -> None:
    """Behind a proxy that packs what nobody asked it to, and says nothing of what it lost."""

    def cut(answer: Answer, before: int) -> Answer:
        whole = answer.whole()
        packed = gzip.compress(whole.body)
        packed = packed if before % 3 == 2 else packed[: max(len(packed) * 2 // 3, 12)]
        headers = {**whole.headers, "Content-Encoding": "gzip"}
        return dataclasses.replace(whole, body=b"", stream=iter([packed]), length=None, headers=headers)

    attach_some(erp)
    erp.rewrite(of_files(cut))
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, FILES))
    assert arrived(destination, FILES) == truth(erp)


def _without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an entity of an endpoint of one's own has keys that the connector does not know."""
    real = entity_tables.tables

    def tables(endpoint: str, version: str, entity: str, shape: Shape, known: Known, **more: Any) -> Iterator[Table]:
        if entity == "SalesOrder":
            known = dataclasses.replace(known, keys=(), other_keys=(), line_keys={}, dac="")
            fields = {name: kind for name, kind in shape.fields.items() if name != "NoteID"}
            shape = dataclasses.replace(shape, fields=fields)
        return real(endpoint, version, entity, shape, known, **more)

    monkeypatch.setattr(discovery, "tables", tables)


@pytest.mark.parametrize("answer", [message(404, "No HTTP resource was found."), html(404, "File not found.")])
def test_where_no_file_is_found_the_stream_fails_until_they_are(erp: Simulator, staging: Path, answer: Answer) -> None:
    attach_some(erp)
    config, destination, is_closed = settings(erp), Destination(), [True]
    erp.rewrite(of_files(lambda given, _: answer if is_closed else given))
    destination.sync(config, catalog_of(config, FILES), fails=True)
    assert destination.rows(FILES) == []
    is_closed.clear()
    destination.sync(config, catalog_of(config, FILES))
    assert arrived(destination, FILES) == truth(erp)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 406, 409, 410, 422])
def test_one_file_that_is_refused_stops_no_stream(erp: Simulator, staging: Path, status: int) -> None:
    ids = attach_some(erp)
    refused = message(status, "You have insufficient rights to access the file.")
    erp.rewrite(lambda request, answer: refused if ids[2] in request.path else answer)
    config, destination = settings(erp), Destination()
    destination.sync(config, catalog_of(config, FILES))
    assert without_file(destination) == {ids[2]}
    assert len(arrived(destination, FILES)) == len(truth(erp))
    assert any(f"the ERP {'does not find' if status == 410 else 'refuses'} the file" in e for e in destination.warnings)


def test_a_broken_file_of_the_only_changed_record_stops_no_stream(erp: Simulator, staging: Path) -> None:
    attach_some(erp)
    company, other = erp.tenant("Company"), next(key for key in keys(erp) if key not in (KEY, ("SO", "000005")))
    config, destination = settings(erp), Destination()
    catalog = catalog_of(config, FILES)
    destination.sync(config, catalog)
    erp.clock.advance(2 * DAY)
    broken = company.attach("SalesOrder", other, "broken.pdf", size=100)
    company.update("SalesOrder", other, {"Description": "x"})
    erp.rewrite(lambda request, answer: failure("It is not in the storage.") if broken in request.path else answer)
    destination.sync(config, catalog)
    assert without_file(destination) == {broken}


def test_what_came_without_its_file_in_a_run_that_was_killed_comes_with_it(erp: Simulator, staging: Path) -> None:
    """The run was told to leave the files out, and died before its first state."""
    attach_some(erp)
    config, before = settings(erp), Destination()
    with_, without = catalog_of(config, FILES), catalog_of(config, FILES, files=False)
    before.sync(config, with_)
    erp.clock.advance(60)
    for stop in range(1, 14):
        destination = copy.deepcopy(before)
        destination.sync(config, without, stop_after=stop)
        erp.clock.advance(1)
        destination.sync(config, with_)
        assert arrived(destination, FILES) == truth(erp), stop


def test_the_same_file_at_several_lines_of_a_record_without_keys_comes_for_each(
    erp: Simulator, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_output, "_FILES_IN_A_BATCH", 1)
    _without_keys(monkeypatch)
    company, name = erp.tenant("Company"), "SalesOrder__Details__files"
    company.update("SalesOrder", KEY, {"Details": [{"LineNbr": 1}, {"LineNbr": 2}, {"LineNbr": 3}]})
    file = company.attach("SalesOrder", KEY, "drawing.pdf", size=1000, line=("Details", 1))
    lines = company.attachments._attached
    (owner,) = [place for place, files in lines.items() if place[1] == "Details" and files]
    lines.update({(owner[0], "Details", place): [file] for place in (2, 3)})
    config = settings(erp)
    catalog = catalog_of(config, name)
    assert not catalog["streams"][0]["stream"].get("source_defined_primary_key")
    for one in catalog["streams"]:
        one["destination_sync_mode"] = "append"
    for stop in range(1, 12):
        destination = Destination()
        destination.sync(config, catalog, stop_after=stop)
        destination.sync(config, catalog)
        rows = destination.tables[name].values()
        assert {row["_Details_line"] for row in rows} == {1, 2, 3}, stop
        assert len({row.file[0] for row in rows}) == 3  # type: ignore[attr-defined]
