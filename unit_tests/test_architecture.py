"""Tests that imports point one way, that the middle is pure, and that every file says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "source_acumatica"
MODULES = {path.stem: ast.parse(path.read_text()) for path in sorted(PACKAGE.glob("*.py"))}

# A module may import only from layers with a lower number; those of one layer do not know each other.
LAYERS = {
    "addresses": 0,
    "config": 0,
    "deadline": 0,
    "entity": 0,
    "heartbeat": 0,
    "helpers": 0,
    "kept_names": 0,
    "known_entities": 0,
    "looks": 0,
    "network": 0,
    "pace": 0,
    "page_size": 0,
    "refusals": 0,
    "server_clock": 0,
    "sessions": 0,
    "trail": 0,
    "credentials": 1,
    "database_clock": 1,
    "edmx": 1,
    "errors": 1,
    "forms": 1,
    "lines": 1,
    "paging": 1,
    "parts": 1,
    "read_with": 1,
    "stream_table": 1,
    "ahead": 2,
    "answers": 2,
    "bodies": 2,
    "cursor": 2,
    "feed_pages": 2,
    "feeds": 2,
    "hollow": 2,
    "json_text": 2,
    "keyset": 2,
    "messages": 2,
    "names": 2,
    "openapi": 2,
    "patience": 2,
    "tables": 2,
    "watches": 2,
    "batches": 3,
    "codec": 3,
    "custom_fields": 3,
    "feed_answers": 3,
    "odata": 3,
    "removals": 3,
    "sign_in_answers": 3,
    "states": 3,
    "tenant_facts": 3,
    "client": 4,
    "feed_codec": 4,
    "list_codec": 4,
    "query": 4,
    "access": 5,
    "ad_hoc": 5,
    "deleted_rows": 5,
    "discovery": 5,
    "doors": 5,
    "ladder": 5,
    "reader": 5,
    "records": 5,
    "contract_reader": 6,
    "grouping": 6,
    "key_probe": 6,
    "repeated": 6,
    "row_filters": 6,
    "tracking": 6,
    "deletions": 7,
    "feed_reader": 7,
    "form_reader": 7,
    "list_reader": 7,
    "feed_discovery": 8,
    "streams": 8,
    "table_removals": 8,
    "contract_stream": 9,
    "feed_stream": 9,
    "proof": 9,
    "source": 10,
    "__init__": 11,
    "run": 11,
}
# Reading descriptions, building queries and shaping records are functions over values.
PURE = {
    "addresses",
    "trail",
    "credentials",
    "forms",
    "known_entities",
    "looks",
    "page_size",
    "entity",
    "database_clock",
    "paging",
    "parts",
    "openapi",
    "edmx",
    "stream_table",
    "tables",
    "feeds",
    "custom_fields",
    "query",
    "odata",
    "codec",
    "feed_codec",
    "list_codec",
    "deleted_rows",
}
SHELL = {"airbyte_cdk", "requests", "urllib3", "http", "socket", "threading", "logging", "os"}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the package"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own_imports(module):
    for name in imports(MODULES[module]):
        if name.split(".")[0] == PACKAGE.name:
            yield name.removeprefix(PACKAGE.name).removeprefix(".") or "__init__"


def test_every_module_has_its_layer():
    assert MODULES.keys() == LAYERS.keys()


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    for imported in own_imports(module):
        assert LAYERS[imported] < LAYERS[module], f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_does_not_talk(module):
    assert not {name.split(".")[0] for name in imports(MODULES[module])} & SHELL


@pytest.mark.parametrize("module", sorted(PURE - {"query", "odata", "codec", "feed_codec", "list_codec"}))
def test_a_pure_module_stands_on_pure_modules_only(module):
    assert set(own_imports(module)) <= PURE


@pytest.mark.parametrize("module", ["query", "odata"])
def test_queries_know_of_the_cursor_its_window_only(module):
    """``cursor`` holds the CDK's class as well; of that, nothing enters the pure middle."""
    (names,) = (
        {alias.name for alias in node.names}
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.ImportFrom) and node.module == "source_acumatica.cursor"
    )
    assert names == {"Window"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_one_sentence(module):
    documentation = ast.get_docstring(MODULES[module])
    assert documentation
    first, _, rest = documentation.partition("\n")
    assert first.endswith((".", ":")), first
    assert not rest or rest.startswith("\n")
    assert ". " not in first


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_caught_that_is_not_named(module):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught not in ("", "Exception")
            # Only the way in, which ends the process, and who hands it on to another thread may see everything.
            assert caught != "BaseException" or module in ("run", "deadline")


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_printed(module):
    """Standard output belongs to the protocol."""
    calls = (node.func for node in ast.walk(MODULES[module]) if isinstance(node, ast.Call))
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


def test_the_main_endpoint_is_the_same_one_in_every_module():
    """``_MAIN_ENDPOINT`` decides which endpoint's streams carry no prefix; two meanings would be two schemas."""
    values = {
        module: node.value.value
        for module, tree in MODULES.items()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("_MAIN_ENDPOINT", "_EXTENDED", "MAIN_ENDPOINT")
        and isinstance(node.value, ast.Constant)
    }
    assert set(values.values()) == {"Default"}


def test_no_request_is_sent_without_a_time_out():
    """The library's own default is to wait for ever."""
    calls = [
        node
        for node in ast.walk(MODULES["client"])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("request", "post")
    ]
    assert len(calls) == 3
    assert all("timeout" in {keyword.arg for keyword in call.keywords} for call in calls)
    senders = [name for name in MODULES if name != "client" and "requests" in set(imports(MODULES[name]))]
    for name in senders:
        sent = [node for node in ast.walk(MODULES[name]) if isinstance(node, ast.Attribute) and node.attr == "request"]
        assert not sent, f"only client.py talks to the instance, and not {name}.py"
