"""The wheel as a user installs it, in a clean environment, and real clients that read through it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from .comparison import expected_rows
from .harness import DELETED_AT, TENANTS, Row
from .serverless import STATES, Serverless, printed_rows
from .simulator import Lies, Simulator
from .warehouse import ROOT, Warehouse

pytestmark = [pytest.mark.installed, pytest.mark.timeout(600)]

# The simulated server's own.
ZONE_OF_THE_ERP = timezone(timedelta(minutes=-300))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# With the columns that tell their rows apart.
STREAMS = {
    "Customer": ("CustomerID",),
    "SalesOrder": ("OrderType", "OrderNbr"),
    "SalesOrder__Details": ("_parent_id", "_line"),
    "Invoice": ("Type", "ReferenceNbr"),
    "Currency": ("CurrencyID",),
    "gi__BI-Customers": ("CustomerID",),
    "dac__SOLine": ("OrderType", "OrderNbr", "LineNbr"),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a clean environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    # Python compiles what it loads, a tenth of all.
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--quiet", "--no-compile"]
    subprocess.run([*install, "--require-hashes", "--requirement", ROOT / "requirements.lock"], check=True)
    # Without an index pip can only find that all that the wheel asks for is there.
    subprocess.run([*install, "--no-index", wheel], check=True)
    return folder / "bin"


def printed(command: Sequence[Any], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------------------------------------------------- the wheel


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"airbyte_source_acumatica-{PROJECT['version']}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    files = [path for path in (ROOT / "source_acumatica").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    own = {str(path.relative_to(ROOT)) for path in files}
    assert {name for name in names if ".dist-info/" not in name} == own
    assert {"source_acumatica/spec.yaml", "source_acumatica/py.typed"} <= own


def test_the_installed_command_answers_with_its_form(environment: Path, tmp_path: Path) -> None:
    messages = [json.loads(line) for line in printed([environment / "source-acumatica", "spec"], tmp_path).splitlines()]
    (spec,) = [one["spec"] for one in messages if one["type"] == "SPEC"]
    assert (
        spec["connectionSpecification"] == yaml.safe_load((ROOT / "spec.yaml").read_text())["connectionSpecification"]
    )
    assert printed([environment / "python", "-m", "pip", "check"], tmp_path).startswith("No broken requirements")
    told = printed([environment / "python", "-m", "pip", "show", PROJECT["name"]], tmp_path)
    assert f"Name: airbyte-source-acumatica\nVersion: {PROJECT['version']}\n" in told


def test_the_installed_package_draws_its_streams(environment: Path, tmp_path: Path) -> None:
    with Simulator(("Company",), rows=4) as sim:
        (tmp_path / "config.json").write_text(json.dumps(sim.config()))
        drawn = printed(
            [environment / "python", "-m", "source_acumatica.erd", "--config", "config.json", "SalesOrder*"], tmp_path
        )
        assert sim.sessions.open_count() == 0
    assert 'Table "SalesOrder__Details" {' in drawn


# ---------------------------------------------------------------------------------------------------------- PyAirbyte


def test_two_reads_into_duckdb_are_what_the_erp_holds(environment: Path, tmp_path: Path) -> None:
    warehouse, executable = Warehouse(tmp_path), environment / "source-acumatica"
    with Simulator(rows=40, tracked=("SOOrder", "SOLine", "ARInvoice")) as sim:
        config = sim.config(dac_tables=["SOLine"], generic_inquiries=["BI-*"], track_deletions=True, max_sessions=2)
        first = warehouse.sync(executable, config, [*STREAMS])
        assert {*STREAMS} < {*first["available"]}
        assert [text for stream in STREAMS for text in compared(warehouse, sim, stream)] == []

        sim.clock.advance(3600)
        company = sim.tenant("Company")
        orders = company.keys("SalesOrder")
        company.update("Customer", company.keys("Customer")[3], {"CustomerName": "Neuer Name"})
        company.update("SalesOrder", orders[0], {"Details": [{"LineNbr": 1, "OrderQty": Decimal("7.25")}]})
        company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "999999", "Details": [{"LineNbr": 1}]})
        company.delete("SalesOrder", orders[5])
        second = warehouse.sync(executable, config, [*STREAMS])
        assert 0 < second["records"] < first["records"] / 2
        assert [text for stream in STREAMS for text in compared(warehouse, sim, stream)] == []

        # PyAirbyte's cache keeps what was deleted, with the time; Airbyte's destinations with deduplication drop it.
        (deleted,) = warehouse.query(f"SELECT _tenant, OrderNbr FROM SalesOrder WHERE {DELETED_AT} IS NOT NULL")
        assert deleted == {"_tenant": "Company", "ordernbr": None}
        assert sim.sessions.open_count() == 0


def test_what_a_record_lacks_reaches_the_destination(environment: Path, tmp_path: Path) -> None:
    """PyAirbyte hands the messages on as Airbyte does; its own cache drops what they say besides their data."""
    link = "CustomerByCustomerID"
    with Simulator(("Company",), rows=12) as sim:
        config = sim.config(dac_tables=["SOOrder"], dac_linked_columns=[f"SOOrder.{link}.AcctCD"])
        sim.lies = [Lies(deaf_expansions=frozenset({link}))]
        messages = Warehouse(tmp_path).deliver(environment / "source-acumatica", config, ["dac__SOOrder", "Customer"])
        orders = len(sim.tenant("Company").dac_rows("SOOrder"))
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    told = {
        stream: [one.get("meta") for one in records if one["stream"] == stream]
        for stream in ("dac__SOOrder", "Customer")
    }
    lacking = {"changes": [{"field": link, "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}]}
    assert told["dac__SOOrder"] == [lacking] * orders
    assert not any(told["Customer"])


def test_a_wrong_password_is_told_with_the_connector_s_own_sentence(environment: Path, tmp_path: Path) -> None:
    with Simulator(rows=1) as sim:
        found = Warehouse(tmp_path).sync(
            environment / "source-acumatica", sim.config(password="wrong-one"), ["Customer"]
        )
    assert "the user name or password is not accepted there" in found["error"]
    assert "wrong-one" not in found["error"]


def test_the_queries_of_the_user_s_page_find_the_lines_as_they_are_now(environment: Path, tmp_path: Path) -> None:
    current, incomplete, *_ = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "acumatica.md").read_text(), re.DOTALL)
    warehouse, executable = Warehouse(tmp_path), environment / "source-acumatica"
    with Simulator(rows=30) as sim:
        company = sim.tenant("Company")
        orders = [row for row in company.rows("SalesOrder") if len(row["Details"]) > 1]
        for _ in range(2):
            warehouse.sync(executable, sim.config(), ["SalesOrder", "SalesOrder__Details"])
            sim.clock.advance(3600)
            fewer, none = ([row["OrderType"], row["OrderNbr"]] for row in orders[:2])
            company.update("SalesOrder", fewer, {"Details": [{"LineNbr": 1}]})
            company.update("SalesOrder", none, {"Details": []})
        truth = [row for tenant in TENANTS for row in expected_rows(sim, "SalesOrder__Details", tenant, KEYS_OF_A_LINE)]
        found = warehouse.query(current)
        everything = warehouse.query("SELECT * FROM SalesOrder__Details")
        assert warehouse.query(incomplete) == []
    assert len(everything) > len(found)
    assert sorted(_told(row) for row in found) == sorted(_told(_lower(row)) for row in truth)


KEYS_OF_A_LINE = {"_tenant", "_parent_OrderType", "_parent_OrderNbr", "_line"}


def _told(row: Row) -> tuple[Any, ...]:
    return tuple(row[name.lower()] for name in sorted(KEYS_OF_A_LINE))


def _lower(row: Row) -> Row:
    return {name.lower(): value for name, value in row.items()}


# --------------------------------------------------------------------------------------------------- AirbyteServerless

# With the columns that tell their rows apart.
LOADED = {
    "Customer": ("CustomerID",),
    "SalesOrder__Details": ("_parent_OrderNbr", "_line"),
    "Currency": ("CurrencyID",),
}


def test_another_client_reads_everything_and_then_what_has_changed(environment: Path, tmp_path: Path) -> None:
    client = Serverless(tmp_path)
    with Simulator(("Company",), rows=12) as sim:
        company, config = sim.tenant("Company"), sim.config(generic_inquiries=[])
        form = client.create(environment / "source-acumatica")
        assert form.keys() >= {*yaml.safe_load((ROOT / "spec.yaml").read_text())["connectionSpecification"]["required"]}
        client.fill_in(config, [*LOADED])
        first = printed_rows(client.run())
        for stream, keys in LOADED.items():
            arrived = by_key(first[f"_airbyte_raw_{stream.lower()}"], keys)
            truth = by_key(expected_rows(sim, stream, "Company", _AnyName()), keys)
            assert arrived.keys() == truth.keys()
            for key, row in arrived.items():
                common = row.keys() & truth[key].keys()
                assert len(common) > 4
                assert [name for name in common if not _is_as_json(truth[key][name], row[name])] == [], (stream, key)

        sim.clock.advance(3600)
        changed = company.keys("Customer")[3]
        company.update("Customer", changed, {"CustomerName": "Neuer Name"})
        second = printed_rows(client.go_on(first[STATES]))
        assert [(*changed, "Neuer Name")] == [
            (row["CustomerID"], row["CustomerName"]) for row in second["_airbyte_raw_customer"]
        ]
        assert sim.sessions.open_count() == 0


def test_another_client_tells_a_wrong_password_with_the_connector_s_own_sentence(
    environment: Path, tmp_path: Path
) -> None:
    client = Serverless(tmp_path)
    with Simulator(("Company",), rows=1) as sim:
        client.create(environment / "source-acumatica")
        client.fill_in(sim.config(password="wrong-one"), ["Customer"])
        told = client.run()
        assert sim.sign_ins("Company") == 1
    assert "the user name or password is not accepted there" in told
    assert "wrong-one" not in told


def by_key(rows: Iterable[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[key] for key in keys): row for row in rows}


def _is_as_json(expected: Any, arrived: Any) -> bool:
    """Whether JSON says the same of a value; this client reads numbers as binary floats. Objects are left to others."""
    match expected:
        case datetime():
            return datetime.fromisoformat(arrived) == expected
        case Decimal():
            return bool(float(expected) == arrived)
        case dict() | list():
            return True
        case _:
            return bool(expected == arrived)


def compared(warehouse: Warehouse, sim: Simulator, stream: str) -> list[str]:
    """Where a table is not what the ERP holds; columns with objects are left to other tests."""
    rows = warehouse.query(f'SELECT * FROM "{re.sub(r"[^a-z0-9]", "_", stream.lower())}"')
    keys = ["_tenant", *(name.lower() for name in STREAMS[stream])]
    newest = _newest(warehouse) if stream == "SalesOrder__Details" else None
    arrived = {tuple(str(row[key]) for key in keys): row for row in rows if _is_current(row, newest)}
    columns = set(rows[0])
    found = []
    expected: dict[tuple[str, ...], Row] = {}
    for tenant in TENANTS:
        for full in expected_rows(sim, stream, tenant, _AnyName()):
            row = {name: value for name, value in _lower(full).items() if name in columns}
            expected[tuple(str(row[key]) for key in keys)] = row
    found += [f"{stream}: {key} is missing" for key in expected.keys() - arrived.keys()]
    found += [f"{stream}: {key} does not exist in the ERP" for key in arrived.keys() - expected.keys()]
    for key in expected.keys() & arrived.keys():
        for name, value in expected[key].items():
            if not _same(value, arrived[key][name]):
                found.append(f"{stream} {key}, {name}: {arrived[key][name]!r} instead of {value!r}")
    return found


class _AnyName(set[str]):
    """Every column is wanted."""

    def __contains__(self, _: object) -> bool:
        return True


def _is_current(row: Row, newest: dict[tuple[str, str], str] | None) -> bool:
    """Of lines, those that are not older than their order, by the time of its last change."""
    if newest is not None:
        return bool(row["_parent_modified"] >= newest.get((row["_tenant"], row["_parent_id"]), "9999"))
    return row.get(DELETED_AT) is None


def _newest(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    """The last change of each order that exists."""
    rows = warehouse.query(f"SELECT _tenant, id, LastModified FROM SalesOrder WHERE {DELETED_AT} IS NULL")
    return {(row["_tenant"], row["id"]): row["lastmodified"] for row in rows}


def _same(expected: Any, arrived: Any) -> bool:
    match expected:
        case datetime():
            # PyAirbyte's cache has times without a zone, and cuts the offset off that the ERP sends.
            return arrived in (str(expected.astimezone(zone).replace(tzinfo=None)) for zone in (UTC, ZONE_OF_THE_ERP))
        case Decimal():
            # PyAirbyte's cache reads numbers as binary floats, and keeps nine digits behind the point.
            return arrived is not None and float(arrived) == pytest.approx(float(expected), rel=1e-14, abs=1e-9)
        case dict() | list():
            return True
        case _:
            return bool(expected == arrived)
