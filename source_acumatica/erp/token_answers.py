"""Explains answers to a sign-in that hold no token."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.answers import WEB_PAGE, is_web_page, object_in
from source_acumatica.erp.errors import LONGEST_TEXT_CHARACTERS, Action, Problem, broken_body, with_quote
from source_acumatica.erp.network import place_of


def read_token_answer(response: requests.Response, tenant: str) -> Problem:
    """What happens after a sign-in that got no token; a refused one is never repeated, since accounts lock."""
    status = response.status_code
    if status == 429 or status >= 500:
        return Problem(Action.RETRY, FailureType.transient_error, f"signing in is not possible now (HTTP {status})")
    if status < 400:
        return _no_token(response)
    body = object_in(response)
    error = str(body.get("error", ""))
    if not error and is_web_page(response) and status != 404:
        return Problem(Action.STOP, FailureType.config_error, _no_erp(response, f"a web page (HTTP {status})"))
    sentence = _SIGN_IN_SENTENCES.get(error, _SIGN_IN_SENTENCES[""]).format(
        tenant=tenant, error=error or f"HTTP {status}"
    )
    if status == 404:
        sentence = (
            f"there is no Acumatica ERP at {_address_of(response)} (no sign-in page, 404): check instance_url and its "
            "directory"
        )
    return Problem(Action.STOP, FailureType.config_error, sentence)


# Words and addresses by which a page of an ERP is recognized.
_PAGE_OF_AN_ERP = re.compile(r"acumatica|maintenance|/Frames/|ErrorPage|Error\.aspx|Maintenance\.aspx", re.IGNORECASE)


def _no_token(response: requests.Response) -> Problem:
    """The problem of a sign-in that was answered with a web page, a redirect, or anything else without a token.

    An ERP in maintenance answers so for a while, another web site always. Both are tried again, since a page of a proxy
    may be either; but only what looks like an ERP is called transient, the rest is an error of the settings.
    """
    status, location = response.status_code, response.headers.get("Location", "")
    if status >= 300:
        if not location or _PAGE_OF_AN_ERP.search(location):
            message = " ".join(parse_qs(urlsplit(location).query).get("message", []))
            sentence = f"signing in is not possible now (HTTP {status}): the instance leads to another page"
            return Problem(Action.RETRY, FailureType.transient_error, with_quote(sentence, message))
        target = urlsplit(location)
        led = f"a redirect (HTTP {status}) to {target.scheme}://{target.netloc}" if target.netloc else ""
        sentence = _no_erp(response, led or f"a redirect to another page (HTTP {status})")
        return Problem(Action.RETRY, FailureType.config_error, sentence)
    is_page = is_web_page(response) or response.content.lstrip()[:1] == b"<"
    if is_page and _PAGE_OF_AN_ERP.search(response.text[:LONGEST_TEXT_CHARACTERS]):
        return WEB_PAGE
    if not is_page and "json" in response.headers.get("Content-Type", "").lower() and not _is_json(response):
        return broken_body()
    if not response.content.strip():
        return broken_body("the answer to the sign-in is empty")
    what = "a web page" if is_page else "something that holds no token"
    return Problem(Action.RETRY, FailureType.config_error, _no_erp(response, what))


def _no_erp(response: requests.Response, what: str) -> str:
    return (
        f"there seems to be no Acumatica ERP at {_address_of(response)}: the sign-in is answered with {what}. Check "
        "instance_url, its host and its directory, and whether a proxy or firewall in front answers instead"
    )


def _address_of(response: requests.Response) -> str:
    """The host, the port and the virtual directory, if there is one."""
    directory = urlsplit(response.url or "").path.partition("/identity/")[0]
    return f"{place_of(response.url)}{directory}"


_SIGN_IN_SENTENCES: Mapping[str, str] = {
    "invalid_client": (
        "the client id or secret is not accepted there (invalid_client): register a connected application in this very "
        "tenant (Connected Applications, SM303010) with the flow Resource Owner Password Credentials, check that the "
        "secret has not expired and that '{tenant}' is the tenant's Login Name to the letter (Tenants, SM203520)"
    ),
    "invalid_grant": (
        "the user name or password is not accepted there (invalid_grant): check both, that the user exists in this "
        "tenant, that no password change is pending, that the account is not locked, and that its user type allows "
        "sign-in type Unrestricted (User Types, EP202500). It was tried once only, since accounts lock"
    ),
    "unauthorized_client": (
        "the connected application is registered for another flow (unauthorized_client): choose Resource Owner "
        "Password Credentials on Connected Applications (SM303010)"
    ),
    "": "signing in was refused ({error}): check the connected application (SM303010) and the user",
}


def _is_json(response: requests.Response) -> bool:
    """Whether the body is complete JSON."""
    try:
        json.loads(response.content)
    except ValueError:
        return False
    return True
