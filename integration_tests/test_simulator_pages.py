"""Tests that the simulator's pages are true: what they show runs, and what they name is there."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from .simulator import Lies, Simulator, __main__

HERE = Path(__file__).resolve().parent / "simulator"
PAGES = ("README.md", "SCENARIOS.md")
# A page that is read before the first change fits on a screen or two.
MOST_LINES = 100


def blocks(page: str, language: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", (HERE / page).read_text(), re.DOTALL | re.MULTILINE)
    return found


def test_what_the_page_shows_runs_as_it_stands() -> None:
    exec("".join(blocks("README.md", "python")), {})


def test_each_scenario_runs_in_a_simulator() -> None:
    scenarios = blocks("SCENARIOS.md", "python")
    assert len(scenarios) > 2
    with Simulator(("Company",), rows=20) as sim:
        names: dict[str, Any] = {"sim": sim, "company": sim.tenant("Company"), "Decimal": Decimal}
        for scenario in scenarios:
            exec(scenario, names)
        assert names["company"].files("SalesOrder")


@pytest.mark.parametrize("page", PAGES)
def test_every_lie_that_a_page_names_can_be_told(page: str) -> None:
    text = (HERE / page).read_text()
    told = {*re.findall(r"^\| `(\w+)=", text, re.MULTILINE), *re.findall(r"Lies\((\w+)=", text)}
    assert told
    assert told <= Lies.__dataclass_fields__.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    named = set(re.findall(r"`([\w/]+(?:\.py|\.md|/))`", (HERE / page).read_text()))
    assert named
    places = (HERE, HERE / "contract", HERE / "odata", HERE.parent.parent)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_every_option_that_the_page_names_is_one_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--help"])
    with pytest.raises(SystemExit):
        __main__.main()
    options = capsys.readouterr().out
    named = set(re.findall(r"(--[a-z][\w-]+)", (HERE / "README.md").read_text())) - {"--config"}
    assert named
    assert [name for name in named if name not in options] == []


def test_the_page_is_one_page() -> None:
    assert len((HERE / "README.md").read_text().splitlines()) <= MOST_LINES


def test_the_folders_of_the_page_are_those_of_the_simulator() -> None:
    named = set(re.findall(r"^\| `(\w+)/` \|", (HERE / "README.md").read_text(), re.MULTILINE))
    assert named == {path.parent.name for path in HERE.glob("*/__init__.py")}
