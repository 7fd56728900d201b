"""Tests what answers of OData lead to, where they mean something else."""

from __future__ import annotations

import pytest

from source_acumatica.erp.errors import Action
from source_acumatica.odata.answers import read_metadata_answer, read_odata_answer
from unit_tests.erp.test_answers import CONFIG, HTML, answer, failure

# ------------------------------------------------------------------------------------------------------------- OData

ROLE = "the role X"
V4_ERROR = {"error": {"code": "", "message": "No such column."}}
V3_ERROR = {"odata.error": {"code": "", "message": {"lang": "en-US", "value": "No such column."}}}


@pytest.mark.parametrize("body", [V4_ERROR, V3_ERROR], ids=["4", "3"])
def test_what_odata_refuses_can_be_asked_for_otherwise_and_its_words_are_quoted(body):
    problem = read_odata_answer(answer(400, body), ROLE)
    assert (problem.action, problem.failure_type, problem.status) == (Action.ASK_FOR_LESS, CONFIG, 400)
    assert problem.sentence == "OData refused the request (the ERP says: No such column.)"
    problem = read_odata_answer(answer(501, body), ROLE)
    assert (problem.action, problem.failure_type, problem.status) == (Action.ASK_FOR_LESS, CONFIG, 501)
    assert problem.sentence == "OData does not support the request (the ERP says: No such column.)"


@pytest.mark.parametrize(
    ("status", "following", "words"),
    [
        (401, Action.SIGN_IN, [ROLE, "SM203520"]),
        (403, Action.STOP, [ROLE]),
        (404, Action.STOP, ["SM203520", "Login Name"]),
    ],
)
def test_a_closed_service_says_what_is_needed(status, following, words):
    for judge in (read_odata_answer, read_metadata_answer):
        problem = judge(answer(status), ROLE)
        assert (problem.action, problem.failure_type, problem.status) == (following, CONFIG, status)
        assert all(word in problem.sentence for word in words)


def test_an_empty_answer_is_a_refusal_only_where_an_inquiry_is_filtered_or_sorted():
    assert read_odata_answer(answer(200), ROLE, is_query=True).action is Action.ASK_FOR_LESS
    assert read_odata_answer(answer(200), ROLE).action is Action.SEAT
    assert read_metadata_answer(answer(200, **{"Content-Length": "0"}), ROLE).action is Action.SEAT


def test_a_seat_that_is_missing_is_waited_for_in_odata_too():
    assert read_odata_answer(failure("API Login Limit", status=403), ROLE).action is Action.SEAT


def test_a_description_is_xml_and_no_page():
    assert read_metadata_answer(answer(200, b"<Edmx/>", "application/xml"), ROLE) is None
    assert read_metadata_answer(answer(200, HTML, "text/html"), ROLE).action is Action.RETRY
    assert read_odata_answer(answer(200, {"value": []}), ROLE) is None
