"""Tests what the way in loads for a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from source_acumatica import run, specification

_LOADED = (
    "import sys\n"
    "sys.argv[1:] = ['spec']\n"
    "from source_acumatica.run import run\n"
    "run()\n"
    "sys.exit(', '.join({'airbyte_cdk', 'requests', 'pydantic'} & sys.modules.keys()))"
)


def test_the_specification_is_printed_without_the_cdk():
    outcome = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=False)
    assert outcome.stderr.strip() == ""
    assert outcome.stdout == f"{specification.specification_message()}\n"


def test_loading_a_command_leaves_the_search_for_comments_as_it_was():
    attributes_doc = pytest.importorskip("attributes_doc")
    search = attributes_doc.get_attributes_doc
    with run._quick_imports():
        assert attributes_doc.get_attributes_doc(object) == {}
    assert attributes_doc.get_attributes_doc is search


def test_a_command_can_be_loaded_where_the_cdk_does_without_comments(monkeypatch):
    monkeypatch.setitem(sys.modules, "attributes_doc", None)
    with run._quick_imports():
        from source_acumatica.commands import run_command
    assert callable(run_command)


@pytest.fixture(autouse=True)
def _look_for_garbage_again():
    yield
    run.gc.enable()
