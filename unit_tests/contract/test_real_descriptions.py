"""Tests that descriptions of real endpoints, where they lie beside the repository, are read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from source_acumatica.contract.description import read_description
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import known
from source_acumatica.reading.fields import FieldKind

REAL = Path(__file__).resolve().parents[3] / "shared" / "reference" / "endpoint-descriptions"


def real(name):
    path = REAL / name
    if not path.exists():
        pytest.skip(f"NOT TESTED: {name} is not beside the repository (it is not ours to hand on)")
    return read_description(json.loads(path.read_text()))


REAL_ENTITIES = {
    "Manufacturing_24.200.001.swagger.json": 53,
    "DeviceHub_23.200.001.swagger.json": 4,
    "GLConsolidation_22.200.001.swagger.json": 5,
    "ISVCB_21.200.001.swagger.json": 2,
}


@pytest.mark.parametrize("name", REAL_ENTITIES)
def test_a_real_description_gives_streams_for_each_of_its_entities(name):
    description = real(name)
    assert len(description.entities) == REAL_ENTITIES[name]
    assert description.contract == "4"
    assert description.warnings == []
    endpoint = "MANUFACTURING" if name.startswith("Manufacturing") else name.split("_")[0]
    without_fields = set()
    for entity, shape in description.entities.items():
        found = list(tables(endpoint, "1", entity, shape, known(endpoint, entity)))
        assert found, entity
        without_fields |= {table.name for table in found if not table.rows_shape.fields}
    # The description itself gives this one no fields.
    assert without_fields <= {"MANUFACTURING__MRPRequirementsByItem__Detail"}


def test_a_real_entity_of_two_levels_is_read_whole():
    bill = real("Manufacturing_24.200.001.swagger.json").entities["BillOfMaterial"]
    assert bill.collections["Operations"].collections.keys() >= {"Material", "Steps", "Tools", "Overheads"}
    assert bill.fields["BOMID"] is FieldKind.STRING


REPOSITORY = Path(__file__).resolve().parents[2]
