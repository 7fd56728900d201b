"""The diagram of the streams, through the command line: what it draws holds in the rows, and no seat stays taken."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydbml import PyDBML

from source_acumatica import SourceAcumatica, erd

from .duck import asked, loaded
from .harness import FULL_REFRESH, Destination, configured, discover
from .simulator import Lies, Simulator
from .simulator.web.answers import Answer, as_json
from .simulator.web.requests import Request

TENANTS = ("Company", "Zweite Firma")
PERIODS = ("122024", "022025")
SETTINGS: Mapping[str, Any] = {
    "endpoints": ["Default", "MANUFACTURING"],
    "generic_inquiries": [],
    "dac_tables": ["*"],
    "inquiry_parameters": [
        {"inquiry": "AccountSummaryInquiry", "name": "Ledger", "value": "ACTUAL"},
        *({"inquiry": "AccountSummaryInquiry", "name": "Period", "value": period} for period in PERIODS),
    ],
}
COMMAND = (sys.executable, "-m", "source_acumatica.erd")
# The joins of the pages of the documentation, without the tenant.
DOCUMENTED = {
    "SalesOrder__Details(_parent_OrderType, _parent_OrderNbr) > SalesOrder(OrderType, OrderNbr)",
    "JournalTransaction__Details(_parent_Module, _parent_BatchNbr) > JournalTransaction(Module, BatchNbr)",
    "dac__GLTran(LedgerID) > dac__Ledger(LedgerID)",
    "dac__GLTran(AccountID) > dac__Account(AccountID)",
    "dac__GLHistory(AccountID) > dac__Account(AccountID)",
    "dac__GLHistory(BranchID) > dac__Branch(BranchID)",
    "dac__GLHistory(LedgerID) > dac__Ledger(LedgerID)",
    "AccountSummaryInquiry__Results(Account) > dac__Account(AccountCD)",
    "AccountSummaryInquiry__Results(Branch) > dac__Branch(BranchCD)",
    "AccountSummaryInquiry__Results(_param_Ledger) > dac__Ledger(LedgerCD)",
    "SalesOrder(CustomerID) > Customer(CustomerID)",
    "dac__SOOrder(CustomerID) > dac__Customer(BAccountID)",
}


# A stream and its columns, and those of the other one.
Drawn = tuple[str, list[str], str, list[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


def run(folder: Path, config: Any, *streams: str) -> subprocess.CompletedProcess[str]:
    """What the command does, in this process."""
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return run_here("--config", str(path), *streams)


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    source, said, warned, code = SourceAcumatica(), io.StringIO(), io.StringIO(), 0
    logger = logging.getLogger()
    before = logger.handlers
    try:
        with redirect_stdout(said), redirect_stderr(warned):
            erd._write(source, erd._parser().parse_args(arguments))
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        source.close()
        logger.handlers = before
    return subprocess.CompletedProcess(arguments, code, said.getvalue(), warned.getvalue())


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As a process of its own."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def joins(text: str) -> dict[str, Drawn]:
    """The references by a short text; each goes by the tenant first."""
    found = {}
    for each in PyDBML(text).refs:
        ours, theirs = ([column.name for column in side] for side in (each.col1, each.col2))
        assert ours[0] == theirs[0] == "_tenant"
        short = f"{each.table1.name}({', '.join(ours[1:])}) {each.type} {each.table2.name}({', '.join(theirs[1:])})"
        found[short] = each.table1.name, ours, each.table2.name, theirs
    return found


@pytest.mark.parametrize("tracks", [False, True])
def test_each_join_of_the_diagram_holds_in_the_rows(tracks: bool, tmp_path: Path) -> None:
    with Simulator(TENANTS, rows=20) as sim:
        config = sim.config(track_deletions=tracks, **SETTINGS)
        done = run(tmp_path, config)
        assert (done.returncode, done.stderr) == (0, "")
        assert sim.sessions.open_count() == 0
        found = joins(done.stdout)
        assert tracks or found.keys() >= DOCUMENTED
        streams = discover(config)
        assert {table.name for table in PyDBML(done.stdout).tables} == streams.keys()
        named = {name for join in found.values() for name in (join[0], join[2])}
        destination = Destination()
        destination.sync(config, configured([streams[name] for name in sorted(named)], FULL_REFRESH))
    assert_held(loaded(destination), found)


def assert_held(connection: duckdb.DuckDBPyConnection, found: Mapping[str, Drawn]) -> None:
    """Each row leads to one row of the other table, and none of what it names is missing there."""
    for short, (stream, ours, other, theirs) in found.items():
        pairs = " AND ".join(f'a."{own}" = b."{their}"' for own, their in zip(ours, theirs, strict=True))
        empty = " OR ".join(f'a."{own}" IS NULL' for own in ours)
        lost = (
            f'SELECT a.* FROM "{stream}" AS a LEFT JOIN "{other}" AS b ON {pairs} '
            f"WHERE b._tenant IS NULL AND NOT ({empty})"
        )
        key = ", ".join(f'"{their}"' for their in theirs)
        twice = f'SELECT {key} FROM "{other}" GROUP BY {key} HAVING COUNT(*) > 1'
        assert asked(connection, lost)[:1] == [], short
        assert asked(connection, twice)[:1] == [], short


COMPOSITE = {
    "dac__SOLine(OrderType, OrderNbr) > dac__SOOrder(OrderType, OrderNbr)",
    "dac__GLTran(Module, BatchNbr) > dac__Batch(Module, BatchNbr)",
}


@pytest.mark.parametrize("collections", [True, False])
@pytest.mark.parametrize(
    ("lies", "is_told"),
    [
        (Lies(), True),
        (Lies(unexplained_links=frozenset({"*"})), False),
        (Lies(half_explained_links=frozenset({"SOOrderByOrderNbr", "BatchByBatchNbr"})), False),
    ],
)
def test_links_by_several_columns_that_are_named_after_one_join_by_all_of_them_or_not_at_all(
    lies: Lies, is_told: bool, collections: bool, tmp_path: Path
) -> None:
    """The numbers of other types of documents are the same, so that a part of the key would multiply rows."""
    with Simulator(("Company",), rows=6) as sim:
        sim.lies = [lies]
        company = sim.tenant("Company")
        for type_, number in company.keys("SalesOrder"):
            company.insert("SalesOrder", {"OrderType": f"X{type_[:1]}", "OrderNbr": number, "CustomerID": "C000001"})
        for module, number in company.keys("JournalTransaction"):
            company.insert("JournalTransaction", {"Module": f"X{module[:1]}", "BatchNbr": number})
        if not collections:
            company.lacks.update({"dac/SOOrder.SOLineCollection", "dac/Batch.GLTranCollection"})
        config = sim.config(**{**SETTINGS, "dac_tables": ["SOLine", "SOOrder", "GLTran", "Batch"]})
        done = run(tmp_path, config, "dac__*")
        assert (done.returncode, done.stderr) == (0, "")
        streams = discover(config)
        destination = Destination()
        tables = [streams[name] for name in sorted(streams) if name.startswith("dac__")]
        destination.sync(config, configured(tables, FULL_REFRESH))
    found = joins(done.stdout)
    assert found.keys() == (COMPOSITE if is_told or collections else set())
    connection = loaded(destination)
    assert_held(connection, found)
    for table, number in (("SOOrder", "OrderNbr"), ("Batch", "BatchNbr")):
        assert asked(connection, f"SELECT {number} FROM dac__{table} GROUP BY {number} HAVING COUNT(*) > 1")
    assert ("which may lead to several rows." in done.stdout) is not is_told


def test_streams_are_chosen_by_name_or_with_an_asterisk(tmp_path: Path) -> None:
    with Simulator(("Company",), rows=4) as sim:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(sim.config(**SETTINGS)))
        done = run_apart("--config", str(path), "SalesOrder*", "dac__SOOrder")
    assert [table.name for table in PyDBML(done.stdout).tables] == [
        "SalesOrder", "SalesOrder__Details", "SalesOrder__Shipments", "SalesOrder__TaxDetails", "dac__SOOrder"
    ]  # fmt: skip
    assert "SalesOrder(id) - dac__SOOrder(NoteID)" in joins(done.stdout)


def test_links_that_rows_do_not_show_are_named_and_not_drawn(tmp_path: Path) -> None:
    """A name alone is no join: it does not say which column of the other table is meant."""

    def refuse(request: Request, answer: Answer) -> Answer:
        is_refused = "$expand=BatchByBatchNbr" in request.target
        return as_json({"error": {"code": "", "message": "No expansions here."}}, 400) if is_refused else answer

    with Simulator(("Company",), rows=6) as sim:
        company = sim.tenant("Company")
        for key in company.keys("Shipment"):
            company.delete("Shipment", key)
        sim.rewrite(refuse)
        done = run(tmp_path, sim.config(**SETTINGS), "dac__SOShip*", "dac__Customer", "dac__GLTran", "dac__Batch")
    assert done.returncode == 0
    assert joins(done.stdout).keys() == {"dac__GLTran(Module, BatchNbr) > dac__Batch(Module, BatchNbr)"}
    assert "// dac__SOShipment: the ERP has a link CustomerByCustomerID; no row is linked by it." in done.stdout
    refusal = "// dac__GLTran: the ERP has a link BatchByBatchNbr; it could not be tried: "
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(refusal)]
    assert "No expansions here." in line


def test_another_tenant_shows_what_the_first_has_no_rows_of(tmp_path: Path) -> None:
    with Simulator(TENANTS, rows=6) as sim:
        company = sim.tenant("Company")
        for key in company.keys("Shipment"):
            company.delete("Shipment", key)
        done = run(tmp_path, sim.config(**SETTINGS), "dac__SOShip*", "dac__Customer")
    assert joins(done.stdout).keys() == {
        "dac__SOShipment(CustomerID) > dac__Customer(BAccountID)",
        "dac__SOShipLine(ShipmentNbr) > dac__SOShipment(ShipmentNbr)",
    }


@pytest.mark.parametrize(
    ("changed", "streams", "sentence"),
    [
        ({}, ["SalesOrders"], "The settings lead to no stream SalesOrders; similar ones: SalesOrder, "),
        ({"password": "not-the-password"}, [], "the user name or password is not accepted there"),
        ({"tenants": []}, [], "The settings are not usable: tenants: name at least one."),
        ({"dac_tables": ["NoSuchTable"]}, [], "no tenant has NoSuchTable"),
    ],
)
def test_a_failure_is_one_sentence_and_leaves_no_seat_taken(
    changed: dict[str, Any], streams: list[str], sentence: str, tmp_path: Path
) -> None:
    with Simulator(("Company",), rows=2) as sim:
        done = run(tmp_path, {**sim.config(**SETTINGS), **changed}, *streams)
        assert sim.sessions.open_count() == 0
        assert sim.sign_ins("Company") <= 1
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "not-the-password" not in done.stderr


@pytest.mark.parametrize(
    ("content", "sentence", "run_it"),
    [
        (None, "cannot be read: No such file or directory.", run_apart),
        ("{", "is not JSON: ", run_here),
        ("[]", "holds no settings", run_here),
    ],
)
def test_a_file_that_holds_no_settings_is_named(
    content: str | None, sentence: str, run_it: Run, tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    done = run_it("--config", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{path} {sentence}")


def test_ended_in_the_middle_it_signs_out(tmp_path: Path) -> None:
    with Simulator(("Company",), rows=4, latency_seconds=1.0) as sim:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(sim.config(**SETTINGS)))
        with subprocess.Popen([*COMMAND, "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while not sim.sessions.open_count():
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 128 + signal.SIGTERM
        assert sim.sessions.open_count() == 0
