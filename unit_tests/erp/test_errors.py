"""Tests what the errors say that a failed request leads to, and that they keep secrets."""

from __future__ import annotations

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_acumatica.erp.errors import Action, Problem, RequestFailed, broken_body, config_error

CONFIG, TRANSIENT, SYSTEM = FailureType.config_error, FailureType.transient_error, FailureType.system_error


def test_a_body_that_is_not_whole_is_asked_for_again():
    assert (broken_body().action, broken_body().failure_type) == (Action.RETRY, TRANSIENT)


def test_a_failed_request_says_where_and_whose_fault_and_keeps_secrets():
    update_secrets(["hunter2"])
    problem = Problem(Action.STOP, CONFIG, "the ERP says hunter2")
    error = RequestFailed(problem, "Tenant 'A', stream Bill")
    assert error.message == error.internal_message == "Tenant 'A', stream Bill: the ERP says ****"
    assert error.failure_type is CONFIG
    assert error.problem is problem
    assert RequestFailed(problem).message == "the ERP says ****"


def test_an_error_for_the_user_to_mend_keeps_secrets():
    update_secrets(["hunter2"])
    error = config_error("password hunter2 is wrong")
    assert (error.message, error.failure_type) == ("password **** is wrong", CONFIG)
    assert "hunter2" not in str(error.internal_message)
