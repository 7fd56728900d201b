"""Tests that what is written in several files about settings, versions and images is the same in all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import annotated_types
import jsonschema
import pytest
import yaml
from pydantic_core import PydanticUndefined

from source_acumatica.config import Config, InquiryParameter, RowFilter, TenantCredentials

ROOT = Path(__file__).resolve().parents[1]
SPEC = yaml.safe_load((ROOT / "source_acumatica" / "spec.yaml").read_text())
SETTINGS = SPEC["connectionSpecification"]["properties"]
METADATA = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LEFT_OUT = {
    line.partition("#")[0].strip()
    for line in (ROOT / "requirements-left-out.txt").read_text().splitlines()
    if not line.startswith("#")
}


def limits(field):
    of = {annotated_types.Ge: "minimum", annotated_types.Le: "maximum"}
    return {of[type(one)]: getattr(one, type(one).__name__.lower()) for one in field.metadata if type(one) in of}


def test_the_form_and_the_code_name_the_same_settings():
    assert SETTINGS.keys() == Config.model_fields.keys()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("tenant_credentials", TenantCredentials),
        ("inquiry_parameters", InquiryParameter),
        ("row_filters", RowFilter),
    ],
)
def test_the_form_and_the_code_name_the_same_parts_of_a_list(name, model):
    items = SETTINGS[name]["items"]
    assert items["properties"].keys() == model.model_fields.keys()
    assert set(items["required"]) == {part for part, field in model.model_fields.items() if field.is_required()}


def test_the_form_and_the_code_require_the_same_settings():
    required = {name for name, field in Config.model_fields.items() if field.is_required()}
    assert set(SPEC["connectionSpecification"]["required"]) == required


@pytest.mark.parametrize("name", Config.model_fields)
def test_the_form_and_the_code_have_the_same_default(name):
    default = Config.model_fields[name].default
    written = SETTINGS[name].get("default", PydanticUndefined)
    if written is PydanticUndefined:
        assert default in (PydanticUndefined, None, ()), "the code has a default that the form does not show"
    else:
        assert written == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("name", [name for name in SETTINGS if SETTINGS[name]["type"] == "integer"])
def test_the_form_and_the_code_have_the_same_limits(name):
    written = {key: SETTINGS[name][key] for key in ("minimum", "maximum") if key in SETTINGS[name]}
    field = Config.model_fields[name]
    found = limits(field)
    # ``int | None`` keeps its limits inside the union.
    for part in getattr(field.annotation, "__args__", ()):
        for one in getattr(part, "__metadata__", ()):
            found |= limits(one)
    assert written == found
    assert "minimum" in written


@pytest.mark.parametrize("name", [name for name in SETTINGS if "examples" in SETTINGS[name]])
def test_every_example_keeps_to_its_own_schema(name):
    for example in SETTINGS[name]["examples"]:
        jsonschema.validate(example, SETTINGS[name], cls=jsonschema.Draft7Validator)


def test_the_first_example_of_every_setting_is_accepted_by_the_code():
    given = {name: schema["examples"][0] for name, schema in SETTINGS.items() if "examples" in schema}
    Config.parse({**given, "client_secret": "s3cret-1", "password": "s3cret-2"})


@pytest.mark.parametrize(
    "url",
    [
        "https://erp.example.com",
        "https://erp.example.com/",
        "https://erp.example.com:8443/AcumaticaERP",
        "http://localhost:8080",
        "http://127.0.0.1:8080/x",
        "http://[::1]:8080",
    ],
)
def test_an_address_that_the_form_accepts_is_accepted_by_the_code(url):
    assert re.fullmatch(SETTINGS["instance_url"]["pattern"], url)
    Config.parse(
        {
            "instance_url": url,
            "tenants": ["A"],
            "client_id": "x",
            "client_secret": "s3cret-1",
            "username": "u",
            "password": "s3cret-2",
        }
    )


@pytest.mark.parametrize(
    "url", ["http://erp.example.com", "erp.example.com", "https://a@b", "https://erp.example.com/?x=1", "https://e x"]
)
def test_an_address_that_cannot_be_meant_is_refused_by_the_form(url):
    assert not re.search(SETTINGS["instance_url"]["pattern"], url)


@pytest.mark.parametrize("stamp", ["2025-01-01", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.123+02:00"])
def test_a_start_date_that_the_form_accepts_is_accepted_by_the_code(stamp):
    assert re.fullmatch(SETTINGS["start_date"]["pattern"], stamp)


def _secrets(properties, path=()):
    for name, schema in properties.items():
        if schema.get("airbyte_secret"):
            yield (*path, name)
        yield from _secrets(schema.get("items", {}).get("properties", {}), (*path, name))


def test_exactly_secrets_and_passwords_are_secret():
    assert set(_secrets(SETTINGS)) == {
        ("client_secret",),
        ("password",),
        ("tenant_credentials", "client_secret"),
        ("tenant_credentials", "password"),
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_a_title_a_sentence_and_a_place(name):
    schema = SETTINGS[name]
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["group"] in {group["id"] for group in SPEC["connectionSpecification"]["groups"]}


def test_no_two_settings_of_a_group_have_the_same_place():
    places = [(schema["group"], schema["order"]) for schema in SETTINGS.values()]
    assert len(set(places)) == len(places)


def test_settings_of_an_older_or_newer_version_are_not_refused_by_the_form():
    assert SPEC["connectionSpecification"]["additionalProperties"] is True


def test_the_spec_at_the_top_is_the_one_in_the_package():
    assert (ROOT / "spec.yaml").resolve() == (ROOT / "source_acumatica" / "spec.yaml").resolve()


def test_the_version_is_the_same_everywhere():
    assert METADATA["dockerImageTag"] == VERSION
    for label in ("io.airbyte.version", "org.opencontainers.image.version"):
        assert re.findall(rf'{re.escape(label)}="([^"]*)"', DOCKERFILE) == [VERSION], label
    assert re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == VERSION


def test_the_base_image_is_the_same_everywhere_and_named_by_its_digest():
    base = METADATA["connectorBuildOptions"]["baseImage"]
    assert re.search(r"@sha256:[0-9a-f]{64}$", base)
    assert re.findall(r"^ARG BASE_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE) == [base]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE_IMAGE}"}


def test_the_image_has_the_same_name_everywhere():
    assert re.findall(r'io\.airbyte\.name="([^"]*)"', DOCKERFILE) == [METADATA["dockerRepository"]]


def test_the_documentation_is_the_same_everywhere():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert SPEC["documentationUrl"] == METADATA["documentationUrl"] == urls["Documentation"]


@pytest.mark.parametrize("lock", [path.name for path in ROOT.glob("requirements*.lock")])
def test_a_lock_pins_every_line_by_hash_and_names_no_index_host(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text)
    entries = re.split(r"\n(?=\S)", text)
    pins = [entry for entry in entries if not entry.startswith("#")]
    assert pins
    assert all(re.match(r"[\w.\-\[\]]+==\S+", pin) and "--hash=sha256:" in pin for pin in pins)


def test_the_development_lock_contains_the_shipped_one():
    def pins(lock):
        return set(re.findall(r"^[\w.\-\[\]]+==[^\s;]+", (ROOT / lock).read_text(), re.MULTILINE))

    assert pins("requirements-image.lock") <= pins("requirements.lock") <= pins("requirements-dev.lock")
    assert pins("requirements-build.lock") <= pins("requirements-dev.lock")


def test_no_module_that_the_connector_loads_mentions_what_the_image_leaves_out():
    """Not even inside of a function, where only some path of the code would come upon it."""
    script = """
import ast, importlib, json, pathlib, pkgutil, sys
import source_acumatica
gone = sys.argv[1:]
for each in pkgutil.walk_packages(source_acumatica.__path__, "source_acumatica."):
    importlib.import_module(each.name)
looked_at, mentioned = 0, {}
for name, module in sorted(sys.modules.items()):
    file = getattr(module, "__file__", None) or ""
    if not file.endswith(".py") or "site-packages" not in file:
        continue
    looked_at += 1
    text = pathlib.Path(file).read_text()
    if not any(each in text for each in gone):
        continue
    for node in ast.walk(ast.parse(text)):
        found = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        found += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for one in found:
            mentioned.setdefault(one.partition(".")[0], []).append(name)
json.dump([looked_at, mentioned], sys.stdout)
"""
    gone = {name.replace("-", "_") for name in LEFT_OUT} - {"google_cloud_secret_manager"} | {"google", "numpy", "grpc"}
    done = subprocess.run([sys.executable, "-c", script, *gone], capture_output=True, text=True, check=True)
    looked_at, mentioned = json.loads(done.stdout)
    assert looked_at > 500
    found = {(package, module) for package in gone & mentioned.keys() for module in mentioned[package]}
    assert found == {
        # Reads downloads of CSV for connectors without code; the connector has none.
        ("pandas", "airbyte_cdk.sources.declarative.extractors.response_to_file_extractor"),
        # Shows pydantic's own schemas while pydantic is being worked on.
        ("rich", "pydantic._internal._core_utils"),
    }


def test_the_image_has_all_that_is_locked_but_what_is_left_out_with_its_own_needs():
    def names(lock):
        return set(re.findall(r"^([\w.\-]+)(?:\[.*\])?==", (ROOT / lock).read_text(), re.MULTILINE))

    gone = names("requirements.lock") - names("requirements-image.lock")
    assert gone >= LEFT_OUT
    assert not gone & {"airbyte-cdk", "msgspec", "orjson", "pydantic", "requests", "defusedxml"}
