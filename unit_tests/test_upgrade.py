"""Tests that settings and states of every released version are understood; `released/` holds a copy of each."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import source_acumatica
from source_acumatica.config import Config
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.window import Window

RELEASED = sorted((Path(__file__).parent / "released").iterdir())
SPEC = yaml.safe_load((Path(source_acumatica.__file__).parent / "spec.yaml").read_text())["connectionSpecification"]
STATES = [
    pytest.param(name, state, id=f"{version.name}, {name}")
    for version in RELEASED
    for name, state in json.loads((version / "states.json").read_text()).items()
]


def released_spec(version):
    return yaml.safe_load((version / "spec.yaml").read_text())["connectionSpecification"]


@pytest.mark.parametrize("version", RELEASED, ids=lambda version: version.name)
def test_no_setting_of_a_released_version_has_gone_or_changed_its_type(version):
    for name, schema in released_spec(version)["properties"].items():
        assert name in SPEC["properties"], f"{name} has gone: existing connections need a migration"
        now = SPEC["properties"][name]
        assert now["type"] == schema["type"]
        assert now.get("default") == schema.get("default"), f"{name} means something else where it is left out"
        assert now.get("minimum", 0) <= schema.get("minimum", 0)
        assert now.get("maximum", float("inf")) >= schema.get("maximum", float("inf"))


@pytest.mark.parametrize("version", RELEASED, ids=lambda version: version.name)
def test_no_setting_has_become_required(version):
    assert set(SPEC["required"]) <= set(released_spec(version)["required"])


@pytest.mark.parametrize("version", RELEASED, ids=lambda version: version.name)
def test_settings_that_a_released_version_accepts_are_accepted(version):
    schema = released_spec(version)
    examples = {name: one["examples"] for name, one in schema["properties"].items() if "examples" in one}
    config = {name: values[0] for name, values in examples.items()} | {"client_secret": "s", "password": "p"}
    jsonschema.validate(config, schema)
    jsonschema.validate(config, SPEC)
    Config.parse(config)
    least = {name: config[name] for name in schema["required"]}
    jsonschema.validate(least, SPEC)
    Config.parse(least)


@pytest.mark.parametrize(("name", "state"), STATES)
def test_a_state_of_a_released_version_is_read_to_the_letter(name, state):
    """What the connector would write next, before it has read anything, is what it was given."""
    field = next((field for part in state["states"] for field in part["cursor"]), "LastModifiedDateTime")
    cursor = TenantCursor(field, [part["partition"]["tenant"] for part in state["states"]], state, lambda _state: None)
    assert cursor.state == state


@pytest.mark.parametrize(("name", "state"), STATES)
def test_what_a_released_version_had_begun_is_gone_on_with(name, state):
    cursor = TenantCursor("LastModified", ["Company"], state, lambda _state: None)
    for part in state["states"]:
        progress = cursor.progress(part["partition"]["tenant"])
        assert progress.reached == next(iter(part["cursor"].values()), None)
        assert progress.reading == (Window.of_state(part["reading"]) if "reading" in part else None)
        assert progress.deletions == part.get("deletions")
