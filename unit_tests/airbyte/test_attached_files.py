"""Tests that the file of a record is found by its id, and staged under its name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.utils import files_directory

from source_acumatica.airbyte import attached_files
from source_acumatica.airbyte.attached_files import AttachedFiles
from source_acumatica.airbyte.staging import Staging
from source_acumatica.erp.download import DOUBTFUL, StagingError
from source_acumatica.erp.errors import Action, Problem, RequestFailed

RECORD = {
    "_tenant": "A",
    "_parent_Nbr": "000 1",
    "id": "6d4b/../x?",
    "filename": "Bills (1)\\scan.pdf",
    "href": "https://elsewhere.example.com/steal",
}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(files_directory, "AIRBYTE_STAGING_DIRECTORY", str(tmp_path))
    return tmp_path


def the_files():
    key, staging = ("_tenant", "_parent_Nbr", "id"), Staging("Bill__files", "A")
    return AttachedFiles(
        SimpleNamespace(), "A", "here", "/entity/Default/1/files", {}, key, staging, "/entity/Default/1/Bill"
    )


def answering(monkeypatch, *outcomes):
    asked, left = [], list(outcomes)

    def download(_client, tenant, address, name, place, **more):
        asked.append((tenant, address, name))
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        place.write_bytes(outcome)
        return len(outcome)

    monkeypatch.setattr(attached_files, "download", download)
    return asked


def test_a_file_is_asked_for_by_its_id_and_not_by_its_link(monkeypatch):
    asked = answering(monkeypatch, b"abc")
    reference = the_files().staged(RECORD)
    assert asked == [("A", "/entity/Default/1/files/6d4b%2F..%2Fx%3F", "scan.pdf")]
    assert reference.file_size_bytes == 3
    assert reference.staging_file_url.endswith("/scan.pdf")
    assert reference.source_file_relative_path.startswith("Bill__files/A/")


@pytest.mark.parametrize(
    "failure",
    [
        RequestFailed(Problem(Action.STOP, FailureType.config_error, "no", status=404)),
        StagingError(OSError(28, "No space left on device")),
    ],
)
def test_a_failure_is_an_outcome_and_leaves_no_folder(monkeypatch, failure, root):
    answering(monkeypatch, failure)
    assert the_files().staged(RECORD) is failure
    assert not list((root / "Bill__files" / "A").iterdir())


def test_a_staging_folder_that_is_not_there_is_an_outcome(monkeypatch, root):
    (root / "Bill__files").write_bytes(b"a file in its place")
    assert isinstance(the_files().staged(RECORD), StagingError)


def test_a_doubtful_file_is_asked_for_again_behind_the_list_and_given_up(monkeypatch):
    doubtful = RequestFailed(Problem(Action.STOP, FailureType.transient_error, "empty", status=DOUBTFUL))
    pauses, seats = [], [True, False, True]
    monkeypatch.setattr(attached_files, "has_a_seat", lambda _client, _tenant, address, *_, **__: seats.pop(0))
    files = the_files()
    files.client.pause = pauses.append
    answering(monkeypatch, doubtful, doubtful, doubtful, b"")
    assert files.staged(RECORD).file_size_bytes == 0
    assert (seats, pauses) == ([], [2])
    seats += [True] * 100
    asked = answering(monkeypatch, *[doubtful] * 100)
    assert files.staged(RECORD) is doubtful
    assert len(asked) < 10


def test_whether_files_come_is_tried_without_leaving_one(monkeypatch, root):
    answering(monkeypatch, b"abc", RequestFailed(Problem(Action.STOP, FailureType.config_error, "no")))
    assert the_files().gives(RECORD)
    assert not the_files().gives(RECORD)
    assert not [each for each in root.rglob("*") if each.is_file()]


def test_a_sentence_names_the_file_and_its_record():
    failure = RequestFailed(Problem(Action.STOP, FailureType.config_error, "the ERP failed"), "somewhere")
    assert the_files().named(RECORD, failure).message == (
        "here: the file 'scan.pdf' of record 000 1 cannot be downloaded: the ERP failed"
    )
