"""Tests that the simulator's imports point one way, and that its two APIs know nothing of each other."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

from unit_tests.architecture import ROOT, Package, imports, opens_with_one_sentence

SIMULATOR = Package("integration_tests.simulator")
# A folder may import only from those with a lower number; "" are the modules of the simulator itself, on top.
FOLDERS = {"store": 0, "web": 0, "access": 1, "catalog": 1, "trouble": 1, "contract": 2, "odata": 2, "": 3}
MOST_LINES = 400


def folder_of(module: str) -> str:
    return module.rpartition("/")[0]


def test_every_module_lies_in_a_folder_that_has_its_place():
    assert {folder_of(module) for module in SIMULATOR.modules} == FOLDERS.keys()
    openings = [f"{folder}/__init__" for folder in FOLDERS if folder]
    assert not [module for module in openings if list(imports(SIMULATOR.modules[module]))]


@pytest.mark.parametrize("module", SIMULATOR.modules)
def test_imports_name_the_package_and_point_down(module: str):
    """``contract`` and ``odata`` lie side by side above the records: neither knows of the other, nor these of them."""
    list(imports(SIMULATOR.modules[module]))  # refuses those that leave the package out
    for imported in SIMULATOR.own_imports(module):
        above, below = folder_of(module), folder_of(imported)
        assert above == below or FOLDERS[below] < FOLDERS[above], f"{module} imports {imported}"


def test_no_modules_import_each_other_in_a_circle():
    """Not for their types either: what two need of each other stands below both."""
    graph = {module: set(SIMULATOR.own_imports(module)) for module in SIMULATOR.modules}
    TopologicalSorter(graph).prepare()  # raises an error that names the modules of a circle


@pytest.mark.parametrize("room", ["customizations", "filters", "lies", "queries", "rendering", "service"])
def test_both_apis_have_the_same_rooms(room: str):
    assert {f"contract/{room}", f"odata/{room}"} <= SIMULATOR.modules.keys()


@pytest.mark.parametrize("module", SIMULATOR.modules)
def test_a_module_is_short_and_opens_with_one_sentence(module: str):
    assert opens_with_one_sentence(SIMULATOR.modules[module])
    lines = (ROOT / "integration_tests" / "simulator" / f"{module}.py").read_text().splitlines()
    assert len(lines) <= MOST_LINES
