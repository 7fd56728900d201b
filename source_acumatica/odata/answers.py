"""Says what is wrong with an answer of OData, where it means something else than one of the contract-based API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.answers import (
    EMPTY_BODY,
    SEAT_LIMIT,
    TOO_LONG_ADDRESS,
    WEB_PAGE,
    is_too_long,
    is_web_page,
    read_answer,
    text_of,
)
from source_acumatica.erp.errors import Action, Problem, with_quote


def read_odata_answer(response: requests.Response, needed: str, *, is_query: bool = False) -> Problem | None:
    """``read_answer`` for OData, where some answers mean something else.

    ``needed`` names the rights that a user needs. ``is_query``: the request filters or sorts an inquiry; an empty body
    then means that it cannot be filtered or sorted by that column.
    """
    status = response.status_code
    if is_query and status == 200 and not response.content.strip():
        return REFUSED_BY_SILENCE
    if is_too_long(response):
        return TOO_LONG_ADDRESS
    if status in _ODATA_BY_STATUS and not SEAT_LIMIT.search(response.text):
        known = _ODATA_BY_STATUS[status]
        sentence = known.sentence.format(needed=needed)
        return replace(known, sentence=with_quote(sentence, text_of(response)), status=status)
    return read_answer(response)


def read_metadata_answer(response: requests.Response, needed: str) -> Problem | None:
    """``read_odata_answer`` for a description, whose 20 MB of XML are not held in memory as a whole."""
    if response.status_code != 200:
        return read_odata_answer(response, needed)
    if response.headers.get("Content-Length") == "0":
        return EMPTY_BODY
    return WEB_PAGE if is_web_page(response) else None


REFUSED_BY_SILENCE = Problem(
    Action.ASK_FOR_LESS,
    FailureType.transient_error,
    "OData answers with an empty body: a formula column can be neither filtered nor sorted",
)
"""May also be a lack of seats, so one such answer alone proves nothing."""
_ODATA_BY_STATUS: Mapping[int, Problem] = {
    400: Problem(Action.ASK_FOR_LESS, FailureType.config_error, "OData refused the request"),
    # OData prescribes this for an option or a comparison that a service does not support.
    501: Problem(Action.ASK_FOR_LESS, FailureType.config_error, "OData does not support the request"),
    401: Problem(
        Action.SIGN_IN,
        FailureType.config_error,
        "OData does not accept the user (401): it needs {needed} in this tenant, and the tenant's Login Name has to be "
        "written to the letter (Tenants, SM203520)",
    ),
    403: Problem(
        Action.STOP,
        FailureType.config_error,
        "the user may not read this through OData (403): it needs {needed}",
    ),
    404: Problem(
        Action.STOP,
        FailureType.config_error,
        "OData does not find this (404): check that the tenant's Login Name is written to the letter (Tenants, "
        "SM203520), and that what is asked for is still there",
    ),
}
