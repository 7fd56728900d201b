"""A real instance, that of secrets/config.json: the CDK's standard tests, and what only an instance can tell.

Nothing is changed there. Without the file all of it is skipped, but for the test that the questions can be asked.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

from source_acumatica import SourceAcumatica

from .image import ROOT
from .probe import QUESTIONS, findings
from .simulator import Simulator

SECRETS = ROOT / "secrets" / "config.json"
is_live = pytest.mark.skipif(
    not SECRETS.exists(),
    reason="NO REAL INSTANCE WAS ASKED: secrets/config.json is missing; README.md says what it holds",
)


@pytest.mark.live
@pytest.mark.timeout(3600)
@is_live
class TestLiveStandardSuite(SourceTestSuiteBase):
    """With the scenarios of acceptance-test-config.yml."""

    connector = SourceAcumatica

    @classmethod
    def get_connector_root_dir(cls) -> Any:
        return ROOT

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        return super().get_scenarios() if SECRETS.exists() else []


@pytest.mark.live
@pytest.mark.timeout(3600)
@is_live
def test_what_the_instance_answers(capsys: pytest.CaptureFixture[str]) -> None:
    answered = 0
    with capsys.disabled():
        print("\nFor BEHAVIOR.md, what the instance answers:")
        for question, finding in findings(json.loads(SECRETS.read_text())):
            print(f"- {question} {finding}")
            answered += not finding.startswith("could not be asked")
    assert answered


def test_every_question_can_be_asked_and_changes_nothing() -> None:
    with Simulator(rows=30, tracked=("SOOrder",)) as sim:
        told = dict(findings(sim.config("Company")))
        assert sim.sessions.open_count() == 0
        sent = {(request.method, request.path.rpartition("/")[2]) for request in sim.requests}
    assert {each for each in sent if each[0] != "GET"} == {("POST", "token"), ("POST", "logout")}
    assert [question for question in QUESTIONS if told[question].startswith("could not be asked")] == []
    assert told["Which endpoint is read?"].startswith("Default/")
    assert told["What does $orderby do in the REST API?"] == "ignored"
    assert told["Do lists show lines?"].endswith("of 20 orders of a list have lines")
    assert told["What do tables answer whose deletions are tracked, or are not?"].startswith("SOOrder: 200")
    assert told["What does a token get that is none?"].startswith("401")
