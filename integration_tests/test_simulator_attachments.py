"""Tests that the simulated ERP has files at records and lines, and sends them as documented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .contract_client import Get, rows_of, site
from .simulator import FileForm, Lies, Simulator

KEY = ("SO", "000003")
ENDPOINT = "/entity/Default/24.200.001"


@pytest.fixture
def both() -> Iterator[tuple[Simulator, Get]]:
    with site("24.200", rows=6, lines=2) as found:
        yield found


@pytest.fixture
def erp(both: tuple[Simulator, Get]) -> Simulator:
    return both[0]


@pytest.fixture
def get(both: tuple[Simulator, Get]) -> Get:
    return both[1]


def order(get: Get, **options: Any) -> dict[str, Any]:
    return rows_of(get, "SalesOrder", ENDPOINT, filter="OrderNbr eq '000003'", **options)[0]


def files_of(get: Get, **options: Any) -> list[Any]:
    found: list[Any] = order(get, **options).get("files", [])
    return found


def test_an_attached_file_comes_if_it_is_expanded_and_selected(erp: Simulator, get: Get) -> None:
    file = erp.tenant("Company").attach("SalesOrder", KEY, "scan.pdf", comment="signed")
    (found,) = [each for each in files_of(get, expand="files") if each["id"] == file]
    assert found == {
        "id": file,
        "filename": "scan.pdf",
        "href": f"/AcumaticaERP/entity/Default/24.200.001/files/{file}",
        "comment": "signed",
    }
    assert file in [each["id"] for each in files_of(get, select="OrderNbr,files", expand="files")]
    assert files_of(get) == files_of(get, select="OrderNbr", expand="files") == []


def test_a_file_of_a_line_comes_with_its_line(erp: Simulator, get: Get) -> None:
    company = erp.tenant("Company")
    company.update("SalesOrder", KEY, {"Details": [{"LineNbr": 1}, {"LineNbr": 2}]})
    file = company.attach("SalesOrder", KEY, "line.jpg", line=("Details", 2))
    lines = order(get, expand="Details,Details/files")["Details"]
    assert [[each["id"] for each in line["files"]] for line in lines] == [[], [file]]
    assert [(place, each.id) for _, place, each in company.files("SalesOrder", "Details")] == [(2, file)]


@pytest.mark.parametrize("form", FileForm)
@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000])
def test_a_file_has_the_content_of_its_revision(form: FileForm, size: int, erp: Simulator, get: Get) -> None:
    erp.lies = Lies(file_form=form)
    company = erp.tenant("Company")
    file = company.attach("SalesOrder", KEY, "scan.pdf", size=10)
    before = company.attachments.find(file)
    company.revise(file, size)
    (_, _, truth) = next(each for each in company.files("SalesOrder") if each[2].id == file)
    assert before and truth.hash != before.hash
    answer = get(f"{ENDPOINT}/files/{file}")
    assert (answer.status_code, len(answer.content)) == (200, size)
    assert hashlib.sha256(answer.content).hexdigest() == truth.hash
    assert ("Content-Disposition" in answer.headers) == (form is not FileForm.BARE)
    assert ("Content-Length" in answer.headers) == (form in (FileForm.USUAL, FileForm.BARE))


def test_a_file_that_is_lost_is_not_found_and_its_record_names_it(erp: Simulator, get: Get) -> None:
    company = erp.tenant("Company")
    file = company.attach("SalesOrder", KEY, "scan.pdf")
    company.revise(file, lost=True)
    assert get(f"{ENDPOINT}/files/{file}").status_code == get(f"{ENDPOINT}/files/none").status_code == 404
    assert file in [each["id"] for each in files_of(get, expand="files")]
    company.detach("SalesOrder", KEY, file)
    assert file not in [each["id"] for each in files_of(get, expand="files")]


def test_no_stamp_tells_of_files(erp: Simulator) -> None:
    company = erp.tenant("Company")
    before = company.rows("SalesOrder")
    company.revise(company.attach("SalesOrder", KEY, "scan.pdf"))
    assert company.rows("SalesOrder") == before


def test_an_old_build_has_no_comments() -> None:
    with site("24.200", rows=6, openapi=False) as (erp, get):
        erp.tenant("Company").attach("SalesOrder", KEY, "scan.pdf", comment="signed")
        found = files_of(get, expand="files")
        assert {frozenset(each) for each in found} == {frozenset({"id", "filename", "href"})}


def test_a_list_may_refuse_files(erp: Simulator, get: Get) -> None:
    erp.lies = Lies(closed_files=True)
    for expand in ("files", "Details,Details/files"):
        answer = get(f"{ENDPOINT}/SalesOrder", expand=expand)
        assert (answer.status_code, "NoteFiles" in answer.text) == (500, True)
    assert get(f"{ENDPOINT}/SalesOrder", expand="Details").status_code == 200


def test_a_file_needs_a_session(erp: Simulator) -> None:
    file = erp.tenant("Company").attach("SalesOrder", KEY, "scan.pdf")
    assert requests.get(f"{erp.url}{ENDPOINT}/files/{file}", timeout=10).status_code == 401
