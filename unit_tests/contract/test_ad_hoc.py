"""Tests how often the names of custom fields are asked for, and when their failure is lasting."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract import ad_hoc
from source_acumatica.contract.ad_hoc import AdHocSchemas, is_refusal
from source_acumatica.erp.errors import Action, Problem, RequestFailed

SCHEMA = {"custom": {}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    seconds = []
    monkeypatch.setattr(ad_hoc.time, "sleep", seconds.append)
    return seconds


class Server:
    def __init__(self, *answers):
        self.answers, self.requests = list(answers), 0

    def __call__(self):
        self.requests += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, RequestFailed):
            raise answer
        return answer


def failure(action, kind=FailureType.system_error):
    return RequestFailed(Problem(action, kind, "no"), "X")


OWN, REFUSED = failure(Action.STOP), failure(Action.STOP, FailureType.config_error)


def get(schemas, ask, *, entity="/Order", is_known=False):
    return schemas.get("A", entity, ask, is_refusal_known=is_known)


def test_an_entity_is_asked_once_for_all_of_its_streams():
    schemas, server = AdHocSchemas(), Server(SCHEMA)
    assert get(schemas, server) == get(schemas, server) == SCHEMA
    assert server.requests == 1
    get(schemas, server, entity="/Bill")
    assert server.requests == 2


@pytest.mark.parametrize(
    ("error", "is_known", "tries"), [(OWN, False, 4), (REFUSED, False, 2), (OWN, True, 1), (REFUSED, True, 1)]
)
def test_a_failure_that_comes_again_is_lasting_and_not_asked_about_any_more(error, is_known, tries, pauses):
    schemas, server = AdHocSchemas(), Server(error)
    for _ in range(2):
        with pytest.raises(RequestFailed):
            get(schemas, server, is_known=is_known)
    assert server.requests == tries
    assert len(pauses) == tries - 1


def test_a_failure_may_pass():
    server = Server(OWN, SCHEMA)
    assert get(AdHocSchemas(), server) == SCHEMA
    assert server.requests == 2


def test_a_failure_of_any_request_is_not_kept():
    schemas, server = AdHocSchemas(), Server(failure(Action.FEWER_ROWS), SCHEMA)
    with pytest.raises(RequestFailed) as failed:
        get(schemas, server)
    assert not is_refusal(failed.value)
    assert get(schemas, server) == SCHEMA
