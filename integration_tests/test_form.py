"""The settings as a person sees them: a form, made from spec.yaml in a headless browser.

The renderer is one for JSON schemas in general, not Airbyte's own. The picture build/form.png is there to be looked at.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .image import ROOT, NotTestedError, install_tools, run_tool

pytestmark = [pytest.mark.form, pytest.mark.timeout(600)]

SPEC = yaml.safe_load((ROOT / "spec.yaml").read_text())["connectionSpecification"]
SETTINGS = SPEC["properties"]
FORM = Path(__file__).with_name("form")
# As root and without a screen; and nothing of what a browser asks for at home.
BROWSER = (
    "chromium",
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--allow-file-access-from-files",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    "--virtual-time-budget=5000",
)
GIVEN = {
    **{name: schema["examples"][0] for name, schema in SETTINGS.items() if "examples" in schema},
    "client_secret": "a-secret",
    "password": "a-password",
    "tenant_credentials": [{"tenant": "Europe", "password": "another-password"}],
    "inquiry_parameters": [{"inquiry": "AccountSummaryInquiry", "name": "Period", "value": "012026"}],
}


@pytest.fixture(scope="module")
def bundle() -> str:
    """The form's program."""
    try:
        install_tools(("node", "npm", "chromium"))
        run_tool(("npm", "--prefix", str(FORM), "ci", "--ignore-scripts"), os.environ, 300)
        return run_tool(("npm", "--prefix", str(FORM), "run", "--silent", "bundle"), os.environ, 60)
    except NotTestedError as reason:
        pytest.fail(f"form not tested: {reason}", pytrace=False)


def page(bundle: str, folder: Path, given: dict[str, Any], *options: str) -> str:
    """What the browser makes of the form with these values."""
    # A closing tag inside of a text would end the program.
    program, values = (bundle.replace("</script", "<\\/script"), json.dumps([SPEC, given]).replace("</", "<\\/"))
    file = folder / "form.html"
    file.write_text(
        f"""<!doctype html><meta charset="utf-8"><style>{STYLE}</style><div id="page"></div>
<script>[window.SPEC, window.GIVEN] = {values}</script><script>{program}</script>"""
    )
    return run_tool((*BROWSER, f"--user-data-dir={folder}/profile", *options, file.as_uri()), os.environ, 120)


def told(dom: str) -> str:
    """The text that a reader sees."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", dom, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def problems(dom: str) -> Iterator[str]:
    for found in re.findall(r'<li class="text-danger[^"]*"[^>]*>(.*?)</li>', dom, re.DOTALL):
        yield told(found)


def test_every_setting_is_shown_in_its_group_and_order_with_what_it_is_for(bundle: str, tmp_path: Path) -> None:
    text = told(page(bundle, tmp_path, {}, "--dump-dom"))
    groups = [group["id"] for group in SPEC["groups"]]
    wanted = sorted(SETTINGS.values(), key=lambda schema: (groups.index(schema["group"]), schema["order"]))
    place = 0
    for schema in wanted:
        place = text.find(schema["title"], place)
        assert place >= 0, f"{schema['title']} is missing, or not in its place"
        assert " ".join(schema["description"].split()) in text, f"{schema['title']} is not explained"


def test_the_examples_can_be_filled_in_without_a_complaint(bundle: str, tmp_path: Path) -> None:
    dom = page(bundle, tmp_path, GIVEN, "--dump-dom")
    assert list(problems(dom)) == []
    assert len(re.findall(r'<input[^>]*type="password"', dom)) == 4
    for secret in ("a-secret", "a-password"):
        assert secret not in told(dom)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("instance_url", "erp.example.com", "must match pattern"),
        ("instance_url", "http://erp.example.com", "must match pattern"),
        ("tenants", [], "must NOT have fewer than 1 items"),
        ("max_sessions", 33, "must be <= 32"),
        ("start_date", "last week", "must match"),
        ("client_secret", None, "required"),
    ],
)
def test_what_cannot_be_right_is_told_at_its_field(
    bundle: str, tmp_path: Path, name: str, value: Any, complaint: str
) -> None:
    given = {**GIVEN, name: value}
    if value is None:
        del given[name]
    found = list(problems(page(bundle, tmp_path, given, "--dump-dom")))
    assert found
    assert all(complaint in each or "date-time" in each for each in found), found


def test_a_picture_of_it_can_be_looked_at(bundle: str, tmp_path: Path) -> None:
    picture = ROOT / "build" / "form.png"
    picture.parent.mkdir(exist_ok=True)
    picture.unlink(missing_ok=True)
    page(bundle, tmp_path, {}, f"--screenshot={picture}", "--window-size=900,2700")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000


STYLE = """
body { font: 14px/1.4 sans-serif; margin: 24px auto; width: 760px; color: #1a194d }
fieldset { border: 1px solid #d9d9e3; border-radius: 8px; margin: 0 0 16px; padding: 12px 20px }
legend { font-weight: bold; padding: 0 6px }
label { font-weight: bold; display: block }
input:not([type=checkbox]), select { width: 100%; box-sizing: border-box; padding: 7px; border: 1px solid #b5b5c9 }
.field-description { color: #5f5c7c; font-size: 12px; margin: 2px 0 4px }
.form-group { margin: 10px 0 }
.text-danger { color: #c5283d }
"""
