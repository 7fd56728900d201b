"""What the contract-based REST API sends in place of the truth."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from integration_tests.simulator.trouble.lies import TRUTH, Lies, names_one
from integration_tests.simulator.trouble.rewriting import (
    LATE_ERROR,
    NO_RIGHTS,
    RawRow,
    changed_page,
    changed_record,
    encoded,
    in_form,
    shown_values,
)
from integration_tests.simulator.web.answers import Answer, failure, message
from integration_tests.simulator.web.requests import Request

EMPTY_FORM = "The required configuration data is not entered on the Preferences form."


def untrue_records(request: Request, answer: Answer, lies: Lies, *, is_list: bool) -> Answer:
    """The answer under these lies."""
    if lies == TRUTH or answer.status != 200:
        return answer
    if lies.forbidden:
        return message(403, NO_RIGHTS)
    if lies.not_set_up:
        return failure(EMPTY_FORM, "PX.Data.PXSetupNotEnteredException")
    customs = {name.strip() for name in request.query.get("$custom", "").split(",") if name.strip()}
    if refused := sorted(customs & lies.refused_customs):
        return failure(f"The field {refused[0]} cannot be exported.")
    if not is_list:
        record = msgspec.json.decode(answer.body, type=RawRow)
        of_one = replace(lies, emptied=frozenset()) if lies.is_missing_alone else TRUTH
        return replace(answer, body=msgspec.json.encode(changed_record(record, of_one)))
    rows = msgspec.json.decode(answer.body, type=list[RawRow])
    if lies.most_customs is not None and len(customs) > lies.most_customs:
        rows = []
    if names_one(lies.poison, shown_values(rows)):
        return failure("Object reference not set to an instance of an object.", "System.NullReferenceException")
    page = [changed_record(row, lies) for row in changed_page(rows, lies)]
    if lies.error:
        page = [*page[: len(page) // 2], {"message": encoded(LATE_ERROR["message"])}]
    return replace(answer, body=in_form(page, lies.form))
