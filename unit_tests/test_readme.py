"""Tests that the pages for developers name only files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("", "source_acumatica", "integration_tests", "unit_tests")
# Made by the reader or by a tool, with a placeholder in its name, or of the CDK or the ERP.
ELSEWHERE = ("secrets/", "dist/", "build/", ".venv", "unit_tests/released/VERSION/", "airbyte_cdk/", "swagger.json")
OF_THE_CDK = {"models.py", "connector_state_manager.py"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "BEHAVIOR.md", "docs/decisions.md"])
def test_every_file_that_a_page_names_is_there(page):
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`([\w./-]+(?:\.(?:py|md|yaml|toml|lock|txt|svg|json|jsonl)|/))`", text))
    # In the table of folders, a module stands beside its folder.
    folders = [*PLACES, *(f"source_acumatica/{path.name}" for path in (ROOT / "source_acumatica").iterdir())]
    missing = {name for name in named if not any((ROOT / folder / name).exists() for folder in folders)}
    assert {name for name in missing - OF_THE_CDK if not name.startswith(ELSEWHERE)} == set()


def test_the_picture_shows_modules_of_the_folders_they_stand_in():
    text = (ROOT / "README.md").read_text()
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    for title, content in re.findall(r'subgraph \w+ \["(.*?)"\]\n(.*?)\n    end', picture, flags=re.DOTALL):
        folders = re.findall(r"(\w+)/", title)
        modules = re.findall(r'\["(\w+)(?:\.py)?:', content)
        assert folders
        assert modules
        for folder in folders:
            place = ROOT / "source_acumatica" / ("" if folder == "source_acumatica" else folder)
            assert [module for module in modules if not (place / f"{module}.py").exists()] == []
