"""Tests that metadata.yaml is what the registry and the platform take, by their schema and by the rules beside it."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
import yaml

from integration_tests.simulator.catalog.endpoints import DEFAULT

MEMORY = ("memory_request", "memory_limit")
ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = yaml.safe_load((ROOT / "metadata.yaml").read_text())
METADATA = DOCUMENT["data"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETTINGS = yaml.safe_load((ROOT / "spec.yaml").read_text())["connectionSpecification"]
PAGE = (ROOT / "docs" / "acumatica.md").read_text()
HEADINGS = (
    "# Acumatica",
    "## Prerequisites",
    "## Setup guide",
    "### Set up Acumatica",
    "### Set up the connector in Airbyte",
    "#### For Airbyte Cloud",
    "#### For Airbyte Open Source",
    "## Supported sync modes",
    "## Supported streams",
    "## Performance considerations",
    "## Data type map",
    "## Limitations and troubleshooting",
    "## Tutorials",
    "## IP allow list",
    "## Changelog",
)


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="the package with the registry's schema is for Python below 3.13"
)
def test_the_registry_takes_it():
    models = importlib.import_module("airbyte_connector_models.metadata.v0.connector_metadata_definition_v0")
    models.ConnectorMetadataDefinitionV0.model_validate(DOCUMENT)
    for broken in ({"unheard": "of"}, {"releaseStage": "ripe"}, {"definitionId": "acumatica"}):
        with pytest.raises(ValueError, match=next(iter(broken))):
            models.ConnectorMetadataDefinitionV0.model_validate({**DOCUMENT, "data": {**METADATA, **broken}})


def test_it_says_what_the_registry_asks_for_beyond_its_schema():
    assert UUID(METADATA["definitionId"]).version == 4
    assert {"language:python", "cdk:python"} <= set(METADATA["tags"])
    assert all(re.fullmatch(r"[\w-]+:[\w-]+", tag) for tag in METADATA["tags"])
    assert METADATA["remoteRegistries"]["pypi"] == {"enabled": True, "packageName": PROJECT["name"]}
    assert PROJECT["name"] == f"airbyte-{METADATA['githubIssueLabel']}"
    assert METADATA["license"] == PROJECT["license"]
    assert PROJECT["scripts"] == {METADATA["githubIssueLabel"]: "source_acumatica.run:run"}
    assert METADATA["maxSecondsBetweenMessages"] > SETTINGS["properties"]["read_timeout_seconds"]["maximum"]
    major = int(METADATA["dockerImageTag"].partition(".")[0])
    changes = METADATA.get("releases", {}).get("breakingChanges", {})
    assert all(f"{version}.0.0" in changes for version in range(2, major + 1))


def test_the_other_pages_are_each_of_a_kind_and_over_an_encrypted_connection():
    pages = METADATA["externalDocumentationUrls"]
    assert {"api_reference", "openapi_spec", "developer_community"} <= {page["type"] for page in pages}
    assert "other" not in {page["type"] for page in pages}
    assert all(page["url"].startswith("https://") for page in pages)
    assert len({page["url"] for page in pages}) == len(pages)


def test_a_sync_gets_the_memory_that_the_page_promises_to_stay_within():
    needs = {each["jobType"]: each["resourceRequirements"] for each in METADATA["resourceRequirements"]["jobSpecific"]}
    assert needs.keys() == {"check_connection", "discover_schema", "sync"}
    in_mebibytes = {"Mi": 1, "Gi": 1024}
    asked, most = (int(needs["sync"][name][:-2]) * in_mebibytes[needs["sync"][name][-2:]] for name in MEMORY)
    assert "A sync with one session stays below 250 MB" in PAGE
    assert "each additional session adds up to 50 MB" in PAGE
    assert asked > 250
    assert most >= 250 + 15 * 50


def test_the_streams_that_are_suggested_are_of_the_endpoint_that_is_read_by_default():
    suggested = METADATA["suggestedStreams"]["streams"]
    entities = {entity.name: entity for entity in DEFAULT}
    for stream in suggested:
        entity, *collections = stream.split("__")
        assert entity in entities
        assert {*collections} <= {part.name for part in entities[entity].collections}


def test_the_release_date_is_that_of_the_first_version_that_was_released():
    """None was yet; a date would be a claim."""
    dates = re.findall(r"^## \[\d[^\]]*\] - (\d{4}-\d\d-\d\d)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert METADATA.get("releaseDate") == (min(dates) if dates else None)


def test_the_connector_may_call_the_instance_and_nothing_else():
    assert METADATA["allowedHosts"] == {"hosts": ["${instance_url}"]}
    assert "instance_url" in SETTINGS["required"]


def test_the_suites_that_it_declares_are_there():
    folders = {"unitTests": "unit_tests", "integrationTests": "integration_tests"}
    suites = [one["suite"] for one in METADATA["connectorTestSuitesOptions"]]
    assert set(suites) == {*folders, "acceptanceTests"}
    assert all((ROOT / folder).is_dir() for folder in folders.values())
    tests = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text())["acceptance_tests"]
    assert {"spec", "connection", "discovery", "basic_read"} == tests.keys()


def test_the_icon_is_square_and_draws_on_nothing_else():
    icon = ElementTree.parse(ROOT / METADATA["icon"]).getroot()
    assert icon.get("width") == icon.get("height")
    left, top, width, height = (icon.get("viewBox") or "").split()
    assert (left, top, width) == ("0", "0", height)
    text = (ROOT / METADATA["icon"]).read_text()
    assert not re.search(r"href|<image|<script|url\(", text)


def test_the_page_has_the_headings_of_the_house_in_their_order():
    found = re.findall(r"^#{1,4} .*$", PAGE, re.MULTILINE)
    assert [heading for heading in found if heading in HEADINGS] == list(HEADINGS)


def test_the_page_tells_of_each_version_once_in_its_changelog():
    versions = re.findall(r"^\| (\d+\.\d+\.\d+) \|", PAGE, re.MULTILINE)
    assert versions[0] == METADATA["dockerImageTag"]
    assert len(set(versions)) == len(versions)
    noted = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert noted == versions


def test_the_page_explains_each_setting_by_the_title_that_the_form_shows():
    titles = [schema["title"] for schema in SETTINGS["properties"].values()]
    missing = [title for title in titles if f"**{title.partition(' (seconds)')[0]}**" not in PAGE]
    assert missing == []
