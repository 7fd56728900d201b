"""Tests that imports point one way, that the middle is pure, and that every file says what it is for."""

from __future__ import annotations

import ast

import pytest

from unit_tests.architecture import ROOT, Package, imports, opens_with_one_sentence

PACKAGE = Package("source_acumatica")
MODULES = PACKAGE.modules

# A folder may import only from those with a lower number; "" are the modules of the package itself, on top of them all.
FOLDERS = {"config": 0, "erp": 1, "reading": 2, "airbyte": 3, "contract": 4, "odata": 4, "": 5}
# Within a folder, a module may import only from layers with a lower number; those of one layer do not know each other.
LAYERS = {
    "masking": 0,
    "config": 1,
    "erp/addresses": 0,
    "erp/concurrency": 0,
    "erp/errors": 0,
    "erp/helpers": 0,
    "erp/http_session": 0,
    "erp/limits": 0,
    "erp/network": 0,
    "erp/server_clock": 0,
    "erp/sessions": 0,
    "erp/unpacking": 0,
    "erp/answers": 1,
    "erp/in_flight": 1,
    "erp/json_text": 1,
    "erp/request_stat": 1,
    "erp/response": 1,
    "erp/retries": 1,
    "erp/sign_out": 2,
    "erp/token_answers": 2,
    "erp/tallies": 0,
    "erp/waits": 2,
    "erp/sign_in": 3,
    "erp/client": 4,
    "erp/download": 5,
    "reading/batches": 0,
    "reading/codec": 0,
    "reading/database_clock": 0,
    "reading/fields": 0,
    "reading/join": 0,
    "reading/kept_names": 0,
    "reading/learnt": 0,
    "reading/end_probes": 0,
    "reading/marks": 0,
    "reading/page_size": 0,
    "reading/record_ids": 0,
    "reading/refusals": 0,
    "reading/sent_rows": 0,
    "reading/credentials": 1,
    "reading/key_sketch": 1,
    "reading/paging": 1,
    "reading/read_with": 1,
    "reading/table": 1,
    "reading/answer": 2,
    "reading/held_keys": 2,
    "reading/seen_keys": 1,
    "reading/sent_files": 0,
    "reading/prefetch": 2,
    "reading/window": 2,
    "reading/lost_place": 3,
    "reading/progress": 4,
    "reading/rereading": 3,
    "reading/misplaced_rows": 3,
    "reading/anchored": 4,
    "reading/cursor": 5,
    "reading/facts": 6,
    "reading/reader": 6,
    "reading/repeated": 7,
    "airbyte/catalog_columns": 0,
    "airbyte/columns": 0,
    "airbyte/dependent_rows": 1,
    "airbyte/restore_check": 0,
    "airbyte/names": 0,
    "airbyte/full_count": 2,
    "airbyte/progress": 1,
    "airbyte/signals": 0,
    "airbyte/summary": 2,
    "airbyte/records": 0,
    "airbyte/removals": 0,
    "airbyte/staging": 0,
    "airbyte/states": 0,
    "airbyte/linked_rows": 1,
    "airbyte/access": 2,
    "airbyte/attached_files": 1,
    "airbyte/keys": 1,
    "airbyte/known_keys": 1,
    "airbyte/key_lists": 1,
    "airbyte/suspicion": 0,
    "airbyte/messages": 1,
    "airbyte/output": 1,
    "airbyte/stamps": 1,
    "airbyte/clocks": 2,
    "airbyte/preconditions": 2,
    "airbyte/file_output": 2,
    "airbyte/rereading": 2,
    "airbyte/tombstones": 3,
    "airbyte/unstamped": 0,
    "airbyte/key_comparison": 2,
    "airbyte/tenant_read": 4,
    "airbyte/stream": 5,
    "contract/ad_hoc": 0,
    "contract/attachments": 0,
    "contract/description": 1,
    "contract/dialect": 0,
    "contract/features": 0,
    "contract/known_entities": 0,
    "contract/parts": 0,
    "contract/samples": 0,
    "contract/forms": 1,
    "contract/part_evidence": 1,
    "contract/tables": 1,
    "contract/entity_tables": 2,
    "contract/base_reader": 2,
    "contract/cells": 2,
    "contract/parameters": 2,
    "contract/plan": 2,
    "contract/codec": 3,
    "contract/custom_fields": 2,
    "contract/field_check": 2,
    "contract/identity": 2,
    "contract/site": 2,
    "contract/discovery": 3,
    "contract/query": 3,
    "contract/record_addresses": 3,
    "contract/understood": 3,
    "contract/custom_choice": 4,
    "contract/form_hints": 4,
    "contract/form_reader": 4,
    "contract/fallback": 4,
    "contract/list_requests": 4,
    "contract/single_records": 4,
    "contract/empty_parts": 5,
    "contract/reader": 6,
    "contract/key_reader": 7,
    "contract/stream": 8,
    "odata/answers": 0,
    "odata/keyset": 0,
    "odata/links": 0,
    "odata/linked_tables": 0,
    "odata/packed_types": -1,
    "odata/metadata": 0,
    "odata/pages": 0,
    "odata/values": -1,
    "odata/refused_links": 0,
    "odata/linked_columns": 1,
    "odata/tables": 1,
    "odata/unserved": 1,
    "odata/codec": 2,
    "odata/query": 2,
    "odata/addresses": 3,
    "odata/deleted_rows": 3,
    "odata/grouping": 3,
    "odata/linked_conditions": 3,
    "odata/list_requests": 3,
    "odata/resources": 3,
    "odata/row_identity": 3,
    "odata/wanted": 3,
    "odata/plan_pages": 4,
    "odata/service": 4,
    "odata/sort_columns": 4,
    "odata/stamp_filter": 4,
    "odata/designs": 5,
    "odata/key_probe": 5,
    "odata/link_joins": 5,
    "odata/paged_list": 5,
    "odata/plan_choice": 5,
    "odata/tracking": 5,
    "odata/deletions": 6,
    "odata/inquiry_keys": 6,
    "odata/linked_changes": 6,
    "odata/reader": 6,
    "odata/removed_reader": 7,
    "odata/stream": 7,
    "odata/tracking_report": 7,
    "odata/discovery": 8,
    "odata/removals": 8,
    "configured": 0,
    "dbml": 0,
    "deadline": 0,
    "earlier_state": 0,
    "tenant_tables": 0,
    "known_joins": 0,
    "row_filters": 0,
    "catalog_check": 1,
    "check": 1,
    "stream_maker": 1,
    "source": 2,
    "memory": 0,
    "specification": 0,
    "__init__": 3,
    "commands": 3,
    "run": 4,
    "erd": 4,
}
# Reading descriptions, building queries and shaping records are functions over values.
PURE = {
    "contract/attachments",
    "contract/cells",
    "contract/codec",
    "contract/custom_fields",
    "contract/description",
    "contract/dialect",
    "contract/features",
    "contract/forms",
    "contract/identity",
    "contract/known_entities",
    "contract/parameters",
    "contract/part_evidence",
    "contract/parts",
    "contract/plan",
    "contract/query",
    "contract/record_addresses",
    "contract/samples",
    "contract/entity_tables",
    "contract/tables",
    "dbml",
    "erp/addresses",
    "erp/concurrency",
    "known_joins",
    "odata/codec",
    "odata/deleted_rows",
    "odata/linked_conditions",
    "odata/linked_tables",
    "odata/links",
    "odata/metadata",
    "odata/packed_types",
    "odata/query",
    "odata/row_identity",
    "odata/tables",
    "odata/values",
    "reading/anchored",
    "reading/answer",
    "reading/codec",
    "reading/credentials",
    "reading/database_clock",
    "reading/fields",
    "reading/held_keys",
    "reading/join",
    "reading/key_sketch",
    "reading/learnt",
    "reading/end_probes",
    "reading/marks",
    "reading/lost_place",
    "reading/page_size",
    "reading/paging",
    "reading/record_ids",
    "reading/seen_keys",
    "reading/sent_files",
    "reading/misplaced_rows",
    "reading/table",
    "reading/sent_rows",
    "reading/window",
}
# Nobody reads a longer file to its end; tests, the simulator, the demo and the benchmark are read too.
MOST_LINES = 400
CODE = ("source_acumatica", "unit_tests", "integration_tests", "benchmark")
SHELL = {"airbyte_cdk", "requests", "urllib3", "http", "socket", "threading", "logging", "os"}


def folder_of(module):
    return "config" if module in ("config", "masking") else module.rpartition("/")[0]


def test_every_module_has_its_layer():
    folders = {f"{folder}/__init__" for folder in FOLDERS} & MODULES.keys()
    assert MODULES.keys() - folders == LAYERS.keys()
    assert {folder_of(module) for module in LAYERS} == FOLDERS.keys()
    assert not [module for module in folders if list(imports(MODULES[module]))]


@pytest.mark.parametrize("module", LAYERS)
def test_imports_point_down(module):
    """``contract`` and ``odata`` lie side by side: neither knows of the other."""
    for imported in PACKAGE.own_imports(module):
        above, below = folder_of(module), folder_of(imported)
        if above == below:
            assert LAYERS[imported] < LAYERS[module], f"{module} imports {imported}"
        else:
            assert FOLDERS[below] < FOLDERS[above], f"{module} imports {imported}"


@pytest.mark.parametrize("room", ["codec", "discovery", "query", "reader", "stream", "tables"])
def test_both_apis_have_the_same_rooms(room):
    """Who knows the way in one finds it in the other."""
    assert {f"contract/{room}", f"odata/{room}"} <= LAYERS.keys()


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_does_not_talk(module):
    assert not {name.split(".")[0] for name in imports(MODULES[module])} & SHELL


@pytest.mark.parametrize(
    "module", sorted(PURE - {"contract/query", "odata/query", "reading/codec", "odata/codec", "contract/codec"})
)
def test_a_pure_module_stands_on_pure_modules_only(module):
    assert set(PACKAGE.own_imports(module)) <= PURE


@pytest.mark.parametrize("module", ["contract/query", "odata/query"])
def test_queries_know_the_window_and_nothing_else_of_the_state(module):
    """A request depends on its window and its page token, never on what has been read so far."""
    imported = {*PACKAGE.own_imports(module)}
    assert "reading/window" in imported
    assert not {"reading/cursor", "reading/facts", "reading/progress"} & imported


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_one_sentence(module):
    assert opens_with_one_sentence(MODULES[module])


def test_each_module_has_tests_of_its_own():
    """In the same folder, under its name; what a folder says of itself needs none."""
    names = (module.rpartition("/") for module in MODULES if not module.endswith("__init__"))
    expected = [f"{folder}{slash}test_{name}.py" for folder, slash, name in names]
    assert [path for path in expected if not (ROOT / "unit_tests" / path).is_file()] == []


@pytest.mark.parametrize("folder", CODE)
def test_no_file_is_long(folder):
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert lengths
    assert not {str(path): length for path, length in lengths.items() if length > MOST_LINES}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_caught_that_is_not_named(module):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught not in ("", "Exception")
            # Only the way in, which ends the process, and who hands it on to another thread may see everything.
            assert caught != "BaseException" or module in ("commands", "deadline")


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
    senders = {"erp/client", "erp/sign_in", "erp/sign_out"}
    calls = [
        node
        for sender in senders
        for node in ast.walk(MODULES[sender])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("request", "post")
    ]
    assert len(calls) == len(senders)
    assert all("timeout" in {keyword.arg for keyword in call.keywords} for call in calls)
    for name in [name for name in MODULES if name not in senders and "requests" in set(imports(MODULES[name]))]:
        sent = [
            node
            for node in ast.walk(MODULES[name])
            if isinstance(node, ast.Attribute) and node.attr in ("request", "post")
        ]
        assert not sent, f"only {', '.join(sorted(senders))} talk to the instance, and not {name}"
