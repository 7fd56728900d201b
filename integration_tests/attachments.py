"""Orders with attached files, and what of them has arrived: for the tests of attachments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.sources.utils import files_directory

from .comparison import differences
from .harness import INCREMENTAL, Destination, configured, discover
from .simulator import Simulator

ENDPOINT_OF = {"18.200": "Default", "23.200": "Default", "24.200": "Default", "26.200": "Default/26.200.001"}
STREAMS = ("SalesOrder", "SalesOrder__files", "SalesOrder__Details__files")
KEY = ("SO", "000003")
DAY = 86_400


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    monkeypatch.setattr(files_directory, "AIRBYTE_STAGING_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(("Company",), rows=6, lines=3) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0, "a seat was left taken"


def settings(erp: Simulator, **more: Any) -> dict[str, Any]:
    return erp.config(generic_inquiries=[], include_attachments=True, **more)


def catalog_of(config: dict[str, Any], *names: str, mode: str = INCREMENTAL, files: bool = True) -> dict[str, Any]:
    found = discover(config)
    catalog = configured([found[name] for name in names or STREAMS], mode)
    for one in catalog["streams"]:
        one["include_files"] = files and bool(one["stream"].get("is_file_based"))
    return catalog


def truth(erp: Simulator, entity: str = "SalesOrder", collection: str = "", tenant: str = "Company") -> set[Any]:
    """Of each file its record, its line, its name, its size and its content."""
    found = erp.tenant(tenant).files(entity, collection)
    return {(tenant, row["id"], place, file.id, file.filename, file.size, file.hash) for row, place, file in found}


def arrived(destination: Destination, stream: str) -> set[Any]:
    """The same of what has come; the size and the content of what came without its file are None."""
    return {
        (
            row["_tenant"],
            row["_parent_id"],
            row.get("_Details_line", 0),
            row["id"],
            row["filename"],
            *((row.file or (None, None, None))[1:]),  # type: ignore[attr-defined]
        )
        for row in destination.rows(stream)
    }


def attach_some(erp: Simulator, tenant: str = "Company") -> list[str]:
    """Several at one record, some alike, and some at lines."""
    company = erp.tenant(tenant)
    company.update("SalesOrder", KEY, {"Details": [{"LineNbr": 1}, {"LineNbr": 2}]})
    ids = [company.attach("SalesOrder", KEY, "scan.pdf", size=size) for size in (0, 1, 65_536, 300_000)]
    ids += [company.attach("SalesOrder", ("SO", "000005"), f"{number}.pdf", size=number) for number in range(5)]
    ids += [company.attach("SalesOrder", KEY, "line.jpg", size=70_000, line=("Details", place)) for place in (1, 2)]
    return ids


def assert_all_came(destination: Destination, erp: Simulator, staging: Path, *tenants: str) -> None:
    for stream, collection in (("SalesOrder__files", ""), ("SalesOrder__Details__files", "Details")):
        for tenant in tenants or ("Company",):
            own = {each for each in arrived(destination, stream) if each[0] == tenant}
            assert own == truth(erp, "SalesOrder", collection, tenant), stream
    assert differences(destination, erp, tenants or ("Company",)) == []
    assert [each for each in staging.rglob("*") if each.is_file()] == [], "nothing is staged that nobody was told of"
