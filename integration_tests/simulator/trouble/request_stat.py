"""The cookie `requeststat`, in which the ERP says what an answer has taken it."""

from __future__ import annotations

from dataclasses import replace

from integration_tests.simulator.trouble.unknowns import StatForm
from integration_tests.simulator.web.answers import Answer

_TICKS_PER_SECOND = 10_000_000
# From the year 1, in which .NET begins, to 1970.
_TICKS_BEFORE_1970 = 621_355_968_000_000_000
_HOUR_MILLISECONDS = 3_600_000
_FEW_MILLISECONDS = 5


def with_request_stat(
    answer: Answer, form: StatForm, path: str, queued_seconds: float, work_seconds: float, ended_at: float
) -> Answer:
    """The answer with the cookie; `ended_at` is in seconds since 1970."""
    work, whole = round(work_seconds * 1000), round((queued_seconds + work_seconds) * 1000)
    begun = ended_at - (whole if form is StatForm.WHOLE else work) / 1000
    ticks = round(begun * _TICKS_PER_SECOND) + _TICKS_BEFORE_1970
    values = [f"+st:{each}+sc:~{path.lower()}+start:{ticks}" for each in _MILLISECONDS[form](work, whole)]
    # Names of headers are the same in any case, so this is how one comes twice out of a dictionary.
    headers = {name: f"requeststat={value}; path=/" for name, value in zip(_NAMES, values, strict=False)}
    return replace(answer, headers={**answer.headers, **headers})


_NAMES = ("Set-Cookie", "set-cookie")
_MILLISECONDS = {
    StatForm.MISSING: lambda _work, _whole: [],
    StatForm.WORK: lambda work, _whole: [work],
    StatForm.WHOLE: lambda _work, whole: [whole],
    StatForm.TWICE: lambda work, _whole: [0, work],
    StatForm.GARBLED: lambda _work, _whole: ["", "-1"],
    StatForm.ZERO: lambda _work, _whole: [0],
    StatForm.SMALL: lambda _work, _whole: [_FEW_MILLISECONDS],
    StatForm.HOUR: lambda _work, _whole: [_HOUR_MILLISECONDS],
}
assert _MILLISECONDS.keys() == set(StatForm)
