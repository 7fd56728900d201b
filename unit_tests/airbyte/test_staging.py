"""Tests that each file has a place of its own, whatever its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from airbyte_cdk.sources.utils import files_directory

from source_acumatica.airbyte import staging as staging_module
from source_acumatica.airbyte.staging import Staging, last_part, safe_name

NAMES = [
    "scan.pdf",
    "Sales Orders (000001)\\scan.pdf",
    "a/b/../../../etc/passwd",
    "..",
    ".",
    "",
    "/",
    "\\",
    ".bashrc",
    "nul\x00byte.txt",
    "line\nbreak.txt",
    "x" * 5000 + ".pdf",
    "\u00fc" * 300 + ".txt",
    "no suffix" * 100,
    "name." + "s" * 400,
    "lone \ud800 surrogate.txt",
    'a:b*c?d"e<f>g|h.txt',
    "trailing. . .",
    "\u202egnp.exe",
]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(files_directory, "AIRBYTE_STAGING_DIRECTORY", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_name_leads_to_a_file_below_the_staging_folder(name, root):
    place = Staging("SalesOrder__files", "A/../../B").place(["A", "1", name], name)
    place.staged.write_bytes(b"x")
    assert place.staged.resolve().is_relative_to(root.resolve())
    parts = Path(place.relative).parts
    assert not {"..", ".", "/"} & {*parts}
    assert parts[0] == "SalesOrder__files"
    assert len(parts) == 4
    assert not parts[-1].startswith(".")


def test_a_name_keeps_what_it_can():
    assert safe_name("scan.pdf") == "scan.pdf"
    assert safe_name("x" * 300 + ".pdf").endswith("x.pdf")
    assert len(safe_name("\u00fc" * 300 + ".txt").encode()) <= 200
    assert safe_name("R\u00e9sum\u00e9 (final).docx") == "R\u00e9sum\u00e9 (final).docx"
    assert last_part("Sales Orders (SO 000001)\\in voice.pdf") == "in voice.pdf"


def test_the_same_name_twice_has_two_places(root):
    staging = Staging("Bill__files", "A")
    first, second = staging.place(["A", "1", "f1"], "scan.pdf"), staging.place(["A", "1", "f2"], "scan.pdf")
    assert first.staged != second.staged
    assert first.relative != second.relative


def test_a_file_that_comes_again_replaces_the_earlier_one_and_does_not_disturb_who_reads_it():
    """Where it lies in the destination is the same; where it is staged is not, in this run and in the next one."""
    places = [Staging("Bill__files", "A").place(["A", "1", "f1"], "scan.pdf") for _ in range(2)]
    assert places[0].relative == places[1].relative
    assert places[0].staged != places[1].staged


def test_what_is_not_sent_leaves_nothing(root):
    place = Staging("Bill__files", "A").place(["A"], "scan.pdf")
    place.staged.write_bytes(b"x")
    Staging.discard(str(place.staged))
    assert not [each for each in root.rglob("*") if each.is_file()]
    assert not place.staged.parent.exists()
    Staging.discard(str(place.staged))


def test_the_folder_of_a_file_that_was_taken_goes_as_well(root):
    """The destination removes the file alone, and a stream may have a million of them."""
    staging = Staging("Bill__files", "A")
    places = [staging.place(["A", number], "scan.pdf").staged for number in range(3)]
    for place in places:
        place.write_bytes(b"x")
    staging.sent([(str(place), 1) for place in places[:2]])
    places[0].unlink()
    staging.sent([(str(places[2]), 1)])
    assert [place.parent.exists() for place in places] == [False, True, True]


@pytest.fixture
def seconds(monkeypatch):
    """What is slept, and the clock that it moves."""
    slept = []
    monkeypatch.setattr(staging_module, "_MOST_BYTES_WAITING", 10)
    monkeypatch.setattr(staging_module.time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(staging_module.time, "sleep", slept.append)
    return slept


def staged(root, *sizes):
    paths = [root / f"{number}-{size}" for number, size in enumerate(sizes)]
    for path in paths:
        path.write_bytes(b"")
    return [(str(path), size) for path, size in zip(paths, sizes, strict=True)]


def test_a_destination_that_keeps_up_is_not_waited_for(root, seconds):
    staging = Staging("Bill__files", "A")
    staging.sent(staged(root, 4, 6))
    assert seconds == []


def test_a_slow_destination_is_waited_for_until_it_has_taken_some(root, seconds, monkeypatch):
    staging, files = Staging("Bill__files", "A"), staged(root, 9, 9)

    def sleep(time):
        seconds.append(time)
        if len(seconds) == 3:
            Path(files[0][0]).unlink()

    monkeypatch.setattr(staging_module.time, "sleep", sleep)
    staging.sent(files)
    assert len(seconds) == 3


def test_a_destination_that_takes_nothing_is_waited_for_once(root, seconds):
    staging = Staging("Bill__files", "A")
    staging.sent(staged(root, 20))
    assert 300 < sum(seconds) < 310
    before = len(seconds)
    staging.sent(staged(root, 20, 30))
    assert len(seconds) == before
