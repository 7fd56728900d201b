"""Answers that are not quite what was asked for: read for what they mean, or refused; never data that is none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.process import options

from .comparison import differences
from .harness import FULL_REFRESH, Destination, catalog_of
from .simulator import Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request

TENANT, FORM = "Company", "AccountSummaryInquiry"
RESULTS = f"{FORM}__Results"
PARAMETERS = [
    {"inquiry": FORM, "name": name, "value": value} for name, value in (("Period", "012025"), ("Ledger", "ACTUAL"))
]
STREAMS = ("Customer", "dac__Customer", "gi__BI-Customers", "SalesOrder__Details", RESULTS)
PATHS = dict(zip(STREAMS, ("/Customer", "/Customer", "/BI-Customers", "/SalesOrder", f"/{FORM}"), strict=True))
ERROR = b'{"error":{"code":"","message":"The connection was closed."}}'
Change = Callable[[bytes], bytes]


@pytest.fixture
def erp() -> Any:
    with Simulator(rows=7, tenants=(TENANT,)) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0


def settings(sim: Simulator) -> dict[str, Any]:
    return sim.config(
        generic_inquiries=["BI-Customers"],
        dac_tables=["Customer"],
        include_custom_fields=False,
        inquiry_parameters=PARAMETERS,
    )


def sync(sim: Simulator, stream: str, change: Callable[[Answer], Answer], times: int = 10**6) -> Destination:
    """Read one stream, while the answers to the first so many requests for its rows are changed."""
    config = settings(sim)
    catalog = catalog_of(config, stream)
    left = [times]

    def rewrite(request: Request, answer: Answer) -> Answer:
        if not request.path.endswith(PATHS[stream]) or answer.status != 200 or not left[0]:
            return answer
        left[0] -= 1
        return change(answer.whole())

    sim.rewrite(rewrite)
    sim.requests.clear()
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    return destination


def of_body(change: Change) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, body=change(answer.body))


def rows_of(destination: Destination, stream: str) -> list[Any]:
    """What arrived, but for ids: the ERP may make new ones each time."""
    return [_lasting(row) for row in destination.rows(stream)]


def _lasting(cell: Any) -> Any:
    if isinstance(cell, dict):
        return {name: _lasting(inner) for name, inner in cell.items() if name not in ("id", "_parent_id")}
    return cell


def true_rows(sim: Simulator, stream: str) -> list[Any]:
    rows = rows_of(sync(sim, stream, lambda answer: answer), stream)
    assert rows
    return rows


def _with(where: str) -> Change:
    """An error in an answer of any kind."""

    def change(body: bytes) -> bytes:
        text = json.loads(body)
        content = json.loads(ERROR)
        if where == "instead":
            return ERROR
        if where == "cut off":
            return body.rstrip()[: -3 if body.lstrip()[:1] == b"{" else -2] + ERROR
        if isinstance(text, dict) and where == "beside":
            return json.dumps({**text, **content}).encode()
        rows = text if isinstance(text, list) else text.get("value", text.get("Results"))
        rows.insert(len(rows) // 2, content)
        return json.dumps(text).encode()

    return change


@pytest.mark.parametrize("where", ["instead", "beside", "among", "cut off"])
@pytest.mark.parametrize("stream", STREAMS)
def test_an_error_with_status_200_is_tried_again_and_is_never_data(stream: str, where: str, erp: Simulator) -> None:
    expected = true_rows(erp, stream)
    passing = sync(erp, stream, of_body(_with(where)), times=2)
    assert passing.errors == []
    assert passing.statuses == {stream: "COMPLETE"}
    assert rows_of(passing, stream) == expected
    lasting = sync(erp, stream, of_body(_with(where)))
    assert lasting.statuses == {stream: "INCOMPLETE"}
    assert [error["failure_type"] for error in lasting.errors] == ["transient_error"]
    assert "The connection was closed." in lasting.errors[0]["message"]
    assert rows_of(lasting, stream) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_text_that_is_not_quite_json_is_read_for_what_it_means(stream: str, erp: Simulator) -> None:
    def change(body: bytes) -> bytes:
        odd = rb'"\ud83d", "numbers": [NaN, -Infinity], "control": "' + b"\x01\t" + b'", "odd": '
        return b"\xef\xbb\xbf" + body.replace(b'"id": ', b'"half": ' + odd + b'0, "id": ')

    expected = true_rows(erp, stream)
    destination = sync(erp, stream, of_body(change))
    assert destination.errors == []
    assert rows_of(destination, stream) == expected


def test_half_a_character_costs_this_character_only_and_is_told_once(erp: Simulator) -> None:
    before = true_rows(erp, "Customer")
    destination = sync(erp, "Customer", of_body(lambda body: body.replace(b"Computers", rb"Compu\ud83d")))
    assert destination.errors == []
    names = [row["CustomerName"] for row in rows_of(destination, "Customer")]
    expected = [row["CustomerName"].replace("Computers", "Compu\ufffd") for row in before]
    assert names == expected
    assert [warning for warning in destination.warnings if "U+FFFD" in warning] == destination.warnings
    assert len(destination.warnings) == 1


def test_a_text_that_is_not_utf_8_is_quoted(erp: Simulator) -> None:
    destination = sync(erp, "Customer", of_body(lambda body: body.replace(b"Computers", b"Comp\xfcters", 1)))
    assert destination.statuses == {"Customer": "INCOMPLETE"}
    assert "not UTF-8: byte 0xfc" in destination.errors[0]["message"]
    assert "Comp" in destination.errors[0]["message"]


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers", "SalesOrder__Details"])
def test_no_content_is_an_empty_list(stream: str, erp: Simulator) -> None:
    destination = sync(erp, stream, lambda answer: replace(answer, status=204, body=b""))
    assert destination.errors == []
    assert destination.statuses == {stream: "COMPLETE"}
    assert rows_of(destination, stream) == []


@pytest.mark.parametrize("stream", ["Customer", "Fabrikam__OpenItems"])
def test_a_page_that_is_empty_once_is_asked_for_once_more(stream: str) -> None:
    with Simulator(rows=1200, tenants=(TENANT,)) as sim:
        config = sim.config(endpoints=["Default", "Fabrikam"], generic_inquiries=[], include_custom_fields=False)
        catalog = catalog_of(config, stream)
        emptied: list[str] = []

        def change(request: Request, answer: Answer) -> Answer:
            is_page = int(request.query.get("$skip", 0)) > 400 and request.query.get("$top") != "1"
            if emptied or not is_page or not request.path.endswith(f"/{stream.rpartition('__')[2]}"):
                return answer
            emptied.append(request.path)
            return replace(answer, body=b"[]")

        sim.rewrite(change)
        sim.requests.clear()
        destination = Destination()
        destination.sync(config, catalog)
        assert emptied
        assert destination.records == 1200
        assert len(sim.requests) < 60, "and not one for each record"


def test_a_list_may_come_as_an_object(erp: Simulator) -> None:
    expected = true_rows(erp, "Customer")
    destination = sync(erp, "Customer", of_body(lambda body: b'{"value": ' + body + b"}"))
    assert destination.errors == []
    assert rows_of(destination, "Customer") == expected


# ------------------------------------------------------------------------------------------------------------ forms


@pytest.mark.parametrize("body", [b'{"id": "1"}', b'{"id": "1", "results": []}', b"[]", b'{"id": "1", "Results": {}}'])
def test_a_form_without_the_results_that_were_asked_for_is_no_data(body: bytes, erp: Simulator) -> None:
    destination = sync(erp, RESULTS, of_body(lambda _body: body))
    assert destination.statuses == {RESULTS: "INCOMPLETE"}
    assert len(destination.errors) == 1


def test_a_form_that_has_no_rows_says_so(erp: Simulator) -> None:
    destination = sync(erp, RESULTS, of_body(lambda _body: b'{"id": "1", "Results": []}'))
    assert destination.errors == []
    assert rows_of(destination, RESULTS) == []


def test_a_form_whose_answer_breaks_off_has_sent_nothing(erp: Simulator) -> None:
    broken = sync(erp, RESULTS, lambda answer: replace(answer, body=_large(20_000), sent=4_000_000))
    assert broken.statuses == {RESULTS: "INCOMPLETE"}
    assert rows_of(broken, RESULTS) == []


def test_the_lines_of_a_large_form_are_counted_over_all_of_it(erp: Simulator) -> None:
    destination = sync(erp, RESULTS, of_body(lambda _body: _large(5_000)))
    assert destination.errors == []
    lines = [(row["_line"], row["_line_count"]) for row in rows_of(destination, RESULTS)]
    assert lines == [(number, 5_000) for number in range(1, 5_001)]


def _large(rows: int) -> bytes:
    row = {"id": "0", **{name: {"value": "x" * 30} for name in ("Account", "Description", "Type", "Branch")}}
    return b'{"id": "1", "Results": [' + b",".join([json.dumps(row).encode()] * rows) + b"]}"


_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen([sys.executable, "-m", "source_acumatica.run", *sys.argv[1:]], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="peaks are counted in another unit")
def test_a_large_form_takes_no_more_memory_than_promised(erp: Simulator, tmp_path: Path) -> None:
    config, body = settings(erp), _large(250_000)
    assert len(body) > 50_000_000
    catalog = catalog_of(config, RESULTS)
    erp.rewrite(lambda request, answer: replace(answer, body=body) if request.method == "PUT" else answer)
    files = options(tmp_path, config=config, catalog=catalog)
    command = [sys.executable, "-c", _MEASURE, "read", *files]
    peak, code = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()
    assert int(code) == 0
    assert int(peak) * 1024 < 150_000_000


# ------------------------------------------------------------------------------------- a list that is empty by chance


def _no_rows(answer: Answer) -> Answer:
    return replace(answer, body=b"[]" if answer.body.lstrip()[:1] == b"[" else b'{"value":[]}')


@pytest.mark.parametrize("start_date", [None, "2001-01-01T00:00:00Z"])
@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers"])
def test_a_list_that_is_empty_once_does_not_empty_the_table_of_a_full_refresh(
    erp: Simulator, stream: str, start_date: str | None
) -> None:
    config = settings(erp) | ({"start_date": start_date} if start_date else {})
    catalog = catalog_of(config, stream, mode=FULL_REFRESH)
    destination, left = Destination(), [1]
    destination.sync(config, catalog)
    rows = rows_of(destination, stream)

    def rewrite(request: Request, answer: Answer) -> Answer:
        if not left[0] or not request.path.endswith(PATHS[stream]) or answer.status != 200:
            return answer
        left[0] -= 1
        return _no_rows(answer.whole())

    erp.rewrite(rewrite)
    destination.sync(config, catalog)
    assert left == [0]
    assert rows
    assert rows_of(destination, stream) == rows


@pytest.mark.parametrize("stream", ["dac__Customer", "gi__BI-Customers"])
def test_a_table_without_rows_costs_one_more_request_than_one_with_rows(erp: Simulator, stream: str) -> None:
    config = settings(erp)
    catalog = catalog_of(config, stream, mode=FULL_REFRESH)
    erp.rewrite(lambda request, answer: _no_rows(answer.whole()) if PATHS[stream] in request.path else answer)
    erp.requests.clear()
    destination = Destination()
    destination.sync(config, catalog)
    assert destination.rows(stream) == []
    assert sum(request.path.endswith(PATHS[stream]) for request in erp.requests) <= 3


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers"])
def test_changes_that_an_answer_leaves_out_by_chance_come_with_the_next_sync(erp: Simulator, stream: str) -> None:
    """More than a day lies between two syncs, so that nothing is known any more but that the filter works."""
    config = settings(erp)
    catalog, destination, company, left = catalog_of(config, stream), Destination(), erp.tenant(TENANT), [0]

    def rewrite(request: Request, answer: Answer) -> Answer:
        is_asked = request.path.endswith(PATHS[stream]) and "$filter" in request.query
        if not left[0] or not is_asked or answer.status != 200:
            return answer
        left[0] -= 1
        return _no_rows(answer.whole())

    erp.rewrite(rewrite)
    keys = company.keys("Customer")
    for changed, empty_answers in (([], 0), ([], 0), (keys[:3], 1), ([], 0)):
        erp.clock.advance(43_230)
        for key in changed:
            company.update("Customer", key, {"CustomerName": "changed"})
        erp.clock.advance(43_230)
        # The clock of the database is seen to be right: only the look-back is read twice.
        company.update("Customer", keys[-1], {"CustomerName": f"changed at {erp.clock.now()}"})
        erp.clock.advance(5)
        left[0] = empty_answers
        destination.sync(config, catalog)
    assert left == [0]
    assert [each for each in differences(destination, erp, [TENANT]) if "custom: {}" not in each] == []
