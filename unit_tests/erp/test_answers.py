"""Tests what each answer of the ERP and each fault of the network leads to, and the sentence that the user reads."""

from __future__ import annotations

import html
import json

import pytest
import requests
import urllib3
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_acumatica.erp.answers import TOO_LONG, read_answer, read_exception
from source_acumatica.erp.errors import Action
from source_acumatica.odata.answers import read_odata_answer

CONFIG, TRANSIENT, SYSTEM = FailureType.config_error, FailureType.transient_error, FailureType.system_error
STACK = "   at PX.Data.PXGraph.ExecuteSelect(String viewName)\r\n   at PX.Api.ContractBased.Export()"


def answer(status, body=b"", content_type="application/json; charset=utf-8", **headers):
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(body).encode() if isinstance(body, dict | list) else body
    response.headers.update({"Content-Type": content_type, **headers})
    response.encoding = "utf-8"
    return response


def failure(text, exception_type="PX.Data.PXException", status=500, **more):
    """An HttpError as the ERP sends it."""
    return answer(
        status,
        {
            "message": "An error has occurred.",
            "exceptionMessage": text,
            "exceptionType": exception_type,
            "stackTrace": STACK,
            **more,
        },
    )


def redirect(location):
    return answer(302, b"", "text/html", Location=location)


HTML = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
OPTIMIZATION = (
    "Optimization cannot be performed.The following fields cause the error:\r\n"
    "RealGainAcctID: View CuryRecords has BQL delegate\r\nMainContact/Email: View X has BQL delegate\r\n"
)


def page(status, text, query_characters=0):
    response = answer(status, f"<!DOCTYPE html><html><title>{text}</title></html>".encode(), "text/html")
    response.url = f"https://erp/entity?{'q' * query_characters}"
    return response


@pytest.mark.parametrize(
    "response",
    [
        page(404, "HTTP Error 404.15 - Not Found"),
        page(404, "404 - File or directory not found.", query_characters=1500),
        page(400, "The length of the query string for this request exceeds the configured maxQueryStringLength value."),
        page(414, "Request-URI Too Large"),
        answer(414, {"message": "x"}),
    ],
    ids=["404.15", "404 to a long one", "400", "414", "414 as JSON"],
)
def test_an_address_that_is_too_long_is_read_as_that(response):
    for problem in (read_answer(response), read_odata_answer(response, "a role")):
        assert (problem.action, problem.status) == (Action.ASK_FOR_LESS, TOO_LONG)
        assert "too long" in problem.sentence


@pytest.mark.parametrize(
    "response",
    [
        page(404, "404 - File or directory not found.", query_characters=300),
        answer(404, {"message": "No HTTP resource was found"}),
        answer(400, {"message": "The query string is not valid."}),
    ],
    ids=["short", "JSON", "400 of the ERP"],
)
def test_what_is_not_there_or_not_valid_is_not_too_long(response):
    assert read_answer(response).action is Action.STOP


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("body", [b"[]", b"{}", b'[{"id": "1"}]', b"  []\n", b"null"])
def test_an_answer_that_may_be_data_is_no_problem(status, body):
    assert read_answer(answer(status, body)) is None


TABLE = {
    # The four answers that were seen for a seat that is not free, and the text of the fifth.
    "seat: 500 with a text": (failure("API Login Limit"), Action.SEAT, TRANSIENT),
    "seat: only the stack tells": (
        answer(
            500,
            {
                "message": "An error has occurred.",
                "stackTrace": "at PX.LicensePolicy.CheckApiUsersLimits(Int32 users)",
            },
        ),
        Action.SEAT,
        TRANSIENT,
    ),
    "seat: text of the cap per user": (
        failure("The number of concurrent API logins has been reached. See Users (SM201010)."),
        Action.SEAT,
        TRANSIENT,
    ),
    "seat: page of IIS": (
        answer(429, b"The custom error module does not recognize this error.", "text/plain"),
        Action.SEAT,
        TRANSIENT,
    ),
    "seat: redirect": (
        redirect(
            "/AcumaticaERP/Frames/Error.aspx?exceptionID=1&message=The+number+of+concurrent%20API%20logins+has+been+reached."
        ),
        Action.SEAT,
        TRANSIENT,
    ),
    "seat: nothing at all": (answer(200, b""), Action.SEAT, TRANSIENT),
    "seat: blanks": (answer(200, b" \r\n\t "), Action.SEAT, TRANSIENT),
    "seat: in small letters, in a 403": (failure("api login limit", status=403), Action.SEAT, TRANSIENT),
    "busy": (answer(409, {"message": "A long operation is running."}), Action.BUSY, TRANSIENT),
    "throttled": (
        answer(429, {"message": "The number of requests has exceeded the limit."}),
        Action.THROTTLED,
        TRANSIENT,
    ),
    "throttled without a word": (answer(429, b""), Action.THROTTLED, TRANSIENT),
    "session over": (answer(401, {"message": "You are not logged in."}), Action.SIGN_IN, CONFIG),
    "session over, page of IIS": (answer(401, HTML, "text/html"), Action.SIGN_IN, CONFIG),
    "no right": (
        answer(403, {"message": "You have insufficient rights to access the Vendor (AP303000) form."}),
        Action.STOP,
        CONFIG,
    ),
    "no such entity": (answer(404, {"message": "No HTTP resource was found that matches."}), Action.STOP, CONFIG),
    "no such page": (answer(404, HTML, "text/html"), Action.STOP, CONFIG),
    "values refused": (answer(422, {"Period": {"value": "x", "error": "Wrong period."}}), Action.STOP, CONFIG),
    "bad request": (answer(400, {"message": "The request is invalid."}), Action.STOP, SYSTEM),
    "wrong verb": (answer(405, {"message": "Not allowed."}), Action.STOP, SYSTEM),
    "length required": (answer(411, HTML, "text/html"), Action.STOP, SYSTEM),
    "no content": (answer(204), Action.STOP, SYSTEM),
    "request timed out at the server": (answer(408), Action.RETRY, TRANSIENT),
    "not optimizable": (failure(OPTIMIZATION), Action.ASK_FOR_LESS, CONFIG),
    "not optimizable: a view": (failure("There is a BqlDelegate in view Filter"), Action.ASK_FOR_LESS, CONFIG),
    "not optimizable: a query": (failure("the given query cannot be optimized"), Action.ASK_FOR_LESS, CONFIG),
    "not optimizable: by type": (
        failure("x", "PX.Api.ContractBased.CannotOptimizeException"),
        Action.ASK_FOR_LESS,
        CONFIG,
    ),
    "unknown field": (failure("The given key was not present in the dictionary."), Action.ASK_FOR_LESS, CONFIG),
    "gone": (
        failure("No entity satisfies the condition.", "PX.Api.ContractBased.NoEntitySatisfiesTheConditionException"),
        Action.GONE,
        CONFIG,
    ),
    "not set up": (
        failure("The required configuration data is not entered on the Payroll Preferences form."),
        Action.SKIP,
        CONFIG,
    ),
    "not set up: by type": (failure("x", "PX.Data.PXSetupNotEnteredException"), Action.SKIP, CONFIG),
    "database timed out": (
        failure("Execution Timeout Expired.  The timeout period elapsed prior to completion."),
        Action.FEWER_ROWS,
        TRANSIENT,
    ),
    "database timed out, inside": (
        failure("x", innerException={"exceptionMessage": "The wait operation timed out", "stackTrace": STACK}),
        Action.FEWER_ROWS,
        TRANSIENT,
    ),
    "an error of its own": (failure("Object reference not set to an instance of an object."), Action.STOP, SYSTEM),
    "an error page": (answer(500, HTML, "text/html"), Action.STOP, SYSTEM),
    "an error without a word": (answer(500), Action.STOP, SYSTEM),
    "bad gateway": (answer(502, HTML, "text/html"), Action.RETRY, TRANSIENT),
    "unavailable": (answer(503), Action.RETRY, TRANSIENT),
    "gateway timed out": (answer(504, HTML, "text/html"), Action.FEWER_ROWS, TRANSIENT),
    "a page instead of data": (answer(200, HTML, "text/html; charset=utf-8"), Action.RETRY, TRANSIENT),
    "a page that says it is JSON": (answer(200, b"\r\n <html></html>"), Action.RETRY, TRANSIENT),
    "JSON that says it is a page": (answer(200, b"[]", "Text/HTML"), Action.RETRY, TRANSIENT),
    "sign-in page": (redirect("/AcumaticaERP/Frames/Login.aspx?ReturnUrl=%2f"), Action.RETRY, TRANSIENT),
    "redirect to nowhere": (answer(302), Action.RETRY, TRANSIENT),
    "moved": (answer(301, b"", Location="https://other.example.com/"), Action.RETRY, TRANSIENT),
}


@pytest.mark.parametrize("case", TABLE)
def test_an_answer_leads_to_what_the_table_says(case):
    response, following, fault = TABLE[case]
    problem = read_answer(response)
    assert (problem.action, problem.failure_type) == (following, fault)
    assert problem.sentence
    assert "\n" not in problem.sentence
    assert "at PX." not in problem.sentence


def test_every_consequence_comes_from_some_answer():
    assert {following for _, following, _ in TABLE.values()} == set(Action)


def test_the_sentence_for_a_seat_says_where_seats_are_counted():
    for case, (response, following, _) in TABLE.items():
        if following is Action.SEAT:
            sentence = read_answer(response).sentence
            assert "SM604000" in sentence, case
            assert "SM201010" in sentence, case


def test_the_fields_that_the_server_names_are_read():
    problem = read_answer(failure(OPTIMIZATION))
    assert problem.names == ("RealGainAcctID", "MainContact/Email")
    assert "RealGainAcctID" in problem.sentence


def test_the_fields_are_read_from_an_inner_exception_too():
    problem = read_answer(failure("Outer.", innerException={"exceptionMessage": OPTIMIZATION}))
    assert problem.names == ("RealGainAcctID", "MainContact/Email")


@pytest.mark.parametrize(
    "text", ["There is a BqlDelegate in view Filter", "Error: View is missing, query cannot be optimized"]
)
def test_no_field_is_named_where_the_server_names_none(text):
    assert read_answer(failure(text)).names in ((), ("Error",))


@pytest.mark.parametrize(
    ("response", "quoted"),
    [
        (failure("The branch is closed."), "The branch is closed."),
        (answer(500, {"message": "Only a message."}), "Only a message."),
        (
            failure("Outer.", innerException={"message": "An error has occurred.", "exceptionMessage": "The cause."}),
            "Outer. The cause.",
        ),
        (
            failure("1", innerException={"exceptionMessage": "2", "innerException": {"exceptionMessage": "3"}}),
            "1 2 3",
        ),
        (answer(403, {"message": "No rights to the Vendor form."}), "No rights to the Vendor form."),
        (answer(404, b"No such thing", "text/plain"), "No such thing"),
        (redirect("/Frames/Error.aspx?message=Site%20is%20being%20updated"), "Site is being updated"),
        (
            answer(422, {"Period": {"value": "1", "error": "Wrong period."}, "error": "Cannot be saved.", "Hold": {}}),
            "Period: Wrong period. Cannot be saved.",
        ),
    ],
    ids=str,
)
def test_the_servers_own_words_are_quoted(response, quoted):
    assert read_answer(response).sentence.endswith(f"(the ERP says: {quoted})")


@pytest.mark.parametrize(
    "response",
    [
        failure("An error has occurred."),
        answer(500, HTML, "text/html"),
        answer(404, HTML, "text/html"),
        answer(500, {"stackTrace": STACK}),
        answer(500, {"message": None, "exceptionMessage": ""}),
        answer(403),
        answer(422, []),
    ],
    ids=str,
)
def test_what_says_nothing_is_not_quoted(response):
    assert "the ERP says" not in read_answer(response).sentence


def test_the_words_of_a_refusal_in_the_general_form_are_quoted():
    assert "Period is required." in read_answer(answer(422, {"message": "Period is required."})).sentence


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
def test_a_stack_trace_is_never_quoted(status):
    inner = {"exceptionMessage": "Cause.", "stackTrace": STACK}
    sentence = read_answer(failure("Text.", status=status, innerException=inner)).sentence
    assert "at PX." not in sentence
    assert "StackTrace" not in sentence


@pytest.mark.parametrize(
    "response",
    [
        failure("long " * 1000),
        answer(500, b"long " * 1000, "text/plain"),
        redirect("/Error.aspx?message=" + "long+" * 1000),
        answer(422, {f"Field{number}": {"error": "long " * 50} for number in range(50)}),
        failure("a", innerException={"message": "long " * 1000}),
    ],
    ids=["500", "text", "redirect", "422", "inner"],
)
def test_a_long_text_is_shortened(response):
    sentence = read_answer(response).sentence
    assert "long" in sentence
    assert len(sentence) < 500


class OwnReadTimeout(requests.exceptions.ReadTimeout):
    """A subclass, as an adapter may raise."""


class OwnConnectionError(requests.exceptions.ConnectionError):
    """Another."""


@pytest.mark.parametrize(
    ("error", "following", "fault", "word"),
    [
        (requests.exceptions.ConnectTimeout(), Action.RETRY, TRANSIENT, "connecting timed out"),
        (requests.exceptions.ReadTimeout(), Action.FEWER_ROWS, TRANSIENT, "read_timeout_seconds"),
        (requests.exceptions.Timeout(), Action.FEWER_ROWS, TRANSIENT, "read_timeout_seconds"),
        (OwnReadTimeout(), Action.FEWER_ROWS, TRANSIENT, "read_timeout_seconds"),
        (requests.exceptions.SSLError(), Action.RETRY, TRANSIENT, "certificate"),
        (requests.exceptions.ProxyError(), Action.RETRY, TRANSIENT, "cannot be reached"),
        (requests.exceptions.ConnectionError(), Action.RETRY, TRANSIENT, "cannot be reached"),
        (OwnConnectionError(), Action.RETRY, TRANSIENT, "cannot be reached"),
        (
            requests.exceptions.ChunkedEncodingError(urllib3.exceptions.ProtocolError("IncompleteRead")),
            Action.RETRY,
            TRANSIENT,
            "broke off",
        ),
        (requests.exceptions.ContentDecodingError(), Action.RETRY, TRANSIENT, "broke off"),
        (requests.exceptions.InvalidURL(), Action.STOP, CONFIG, "instance_url"),
        (requests.exceptions.InvalidProxyURL(), Action.STOP, CONFIG, "instance_url"),
        (requests.exceptions.InvalidSchema(), Action.STOP, CONFIG, "instance_url"),
        (requests.RequestException(), Action.RETRY, TRANSIENT, "cannot be reached"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_fault_of_the_network_is_told_by_its_class(error, following, fault, word):
    problem = read_exception(error)
    assert (problem.action, problem.failure_type) == (following, fault)
    assert word in problem.sentence


def test_a_fault_of_the_network_does_not_quote_addresses_or_headers():
    error = requests.exceptions.ConnectionError("HTTPSConnectionPool(host='erp.example.com', port=443): Bearer abc")
    assert "Bearer" not in read_exception(error).sentence


def plain(body):
    """A text without a charset, which the library reads in Latin-1."""
    response = answer(400, body, "text/plain")
    response.encoding = "ISO-8859-1"
    return response


AWKWARD = "pass wörd!+&🙂"


@pytest.mark.parametrize(
    "written",
    [
        AWKWARD,
        html.escape(AWKWARD),
        "".join(each if each.isalnum() and each.isascii() else f"&#{ord(each)};" for each in AWKWARD),
        "pass w\\u00F6rd!\\u002B\\u0026\\uD83D\\uDE42",
        "pass w\\u00f6rd!\\u002b\\u0026\\ud83d\\ude42",
    ],
    ids=["plain", "html", "html numbers", ".NET", "small .NET"],
)
def test_a_secret_in_a_text_is_masked_however_it_is_written_there(written):
    """Texts that are neither JSON nor a page, such as those of proxies, quote what they were sent."""
    update_secrets([AWKWARD])
    assert "bad: **** end" in read_answer(plain(f"bad: {written} end".encode())).sentence


def test_a_text_in_latin_1_is_read_as_that():
    assert "bad: Müller" in read_answer(plain("bad: Müller".encode("latin-1"))).sentence
