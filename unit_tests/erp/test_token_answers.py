"""Tests what an answer to the sign-in leads to that holds no token."""

from __future__ import annotations

import pytest

from source_acumatica.erp.errors import Action
from source_acumatica.erp.token_answers import read_token_answer
from unit_tests.erp.test_answers import CONFIG, HTML, TRANSIENT, answer, redirect


@pytest.mark.parametrize(
    ("status", "body", "following", "fault", "word"),
    [
        (400, {"error": "invalid_client"}, Action.STOP, CONFIG, "'North America'"),
        (401, {"error": "invalid_client"}, Action.STOP, CONFIG, "SM303010"),
        (
            400,
            {"error": "invalid_grant", "error_description": "invalid_username_or_password"},
            Action.STOP,
            CONFIG,
            "tried once only",
        ),
        (400, {"error": "unauthorized_client"}, Action.STOP, CONFIG, "Resource Owner Password"),
        (400, {"error": "unsupported_grant_type"}, Action.STOP, CONFIG, "(unsupported_grant_type)"),
        (400, {"error": "invalid_scope"}, Action.STOP, CONFIG, "(invalid_scope)"),
        (400, b"", Action.STOP, CONFIG, "(HTTP 400)"),
        (400, [], Action.STOP, CONFIG, "(HTTP 400)"),
        (403, [], Action.STOP, CONFIG, "(HTTP 403)"),
        (404, HTML, Action.STOP, CONFIG, "instance_url"),
        (302, b"", Action.RETRY, TRANSIENT, "HTTP 302"),
        (429, b"", Action.RETRY, TRANSIENT, "HTTP 429"),
        (500, {"message": "An error has occurred."}, Action.RETRY, TRANSIENT, "HTTP 500"),
        (503, HTML, Action.RETRY, TRANSIENT, "HTTP 503"),
    ],
)
def test_a_refused_sign_in_is_never_repeated_and_a_passing_fault_is(status, body, following, fault, word):
    problem = read_token_answer(answer(status, body), "North America")
    assert (problem.action, problem.failure_type) == (following, fault)
    assert word in problem.sentence


SITE = b"<!DOCTYPE html><html><body>Welcome to our shop</body></html>"
LANDING = {"Location": "https://www.example.com/welcome"}


@pytest.mark.parametrize(
    ("response", "following"),
    [
        (answer(200, SITE, "text/html"), Action.RETRY),
        (answer(200, SITE, "text/plain"), Action.RETRY),
        (answer(200, b"ok", "text/plain"), Action.RETRY),
        (answer(200, {"status": "up"}), Action.RETRY),
        (answer(201, [1]), Action.RETRY),
        (answer(301, b"", "text/html", **LANDING), Action.RETRY),
        (redirect("/login?next=%2F"), Action.RETRY),
        (answer(403, SITE, "text/html"), Action.STOP),
        (answer(405, SITE, "text/html"), Action.STOP),
    ],
    ids=["page", "unnamed page", "text", "other JSON", "list", "other host", "own sign-in", "403", "405"],
)
def test_a_web_site_that_is_no_erp_is_a_wrong_instance_url(response, following):
    response.url = "https://shop.example.com/erp/identity/connect/token"
    problem = read_token_answer(response, "Company")
    assert (problem.action, problem.failure_type) == (following, CONFIG)
    assert "no Acumatica ERP at shop.example.com:443/erp" in problem.sentence
    assert "instance_url" in problem.sentence


def test_where_a_site_leads_to_is_named_without_what_may_be_secret_in_it():
    response = redirect("https://sso.example.com/start?token=abc")
    sentence = read_token_answer(response, "Company").sentence
    assert "https://sso.example.com" in sentence
    assert "abc" not in sentence


@pytest.mark.parametrize(
    "response",
    [
        answer(200, b"<html>Acumatica ERP is being updated</html>", "text/html"),
        answer(200, HTML, "text/html"),
        redirect("/AcumaticaERP/Frames/Error.aspx?message=Please+wait."),
        redirect("/Frames/Maintenance.aspx"),
        answer(302, b""),
        answer(200, b'{"access_tok'),
        answer(200, b""),
    ],
    ids=["page of an ERP", "maintenance", "error page", "maintenance page", "no way", "half", "nothing"],
)
def test_a_sign_in_that_an_erp_cannot_answer_now_passes(response):
    problem = read_token_answer(response, "Company")
    assert (problem.action, problem.failure_type) == (Action.RETRY, TRANSIENT)


def test_a_tenant_with_braces_in_its_name_does_not_break_the_sentence():
    assert "'{x}'" in read_token_answer(answer(400, {"error": "invalid_client"}), "{x}").sentence
