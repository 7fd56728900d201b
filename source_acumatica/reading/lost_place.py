"""Finds the place again up to which a list was read, where the list has moved."""

from __future__ import annotations

from collections.abc import Callable

from source_acumatica.reading.answer import Answer
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.paging import Row
from source_acumatica.reading.sent_rows import RecentRows

# Pages that are searched behind the place, for a list that has grown in front of it.
_MOST_PAGES_BEHIND = 200


def is_lost(answer: Answer[Row], offset: int, recent: RecentRows) -> bool:
    """Whether an answer does not go on where the rows that were sent end.

    It has to begin with one of them that stands where it did: rows that were sent may stand further on as well, under
    another key, side by side where several were renamed. Less is asked of the beginning of the list, and of what lies
    in front of the rows that are remembered.
    """
    if not recent:
        return False
    if not answer.rows:
        return answer.skip > 0
    if not answer.new:
        return answer.skip > 0 and not any(map(recent.is_unmoved, answer.identities))
    if answer.skip == 0:
        return len(answer.new) == len(answer.rows)
    if is_in_front(answer, offset, recent):
        return not any(map(recent.is_unmoved, answer.identities))
    beginning = answer.identities[: answer.new[0]]
    return not any(map(recent.is_unmoved, beginning))


def is_in_front(answer: Answer[Row], offset: int, recent: RecentRows) -> bool:
    """Whether an answer may begin with rows that were sent and are not remembered one by one."""
    return bool(recent) and answer.skip < offset - len(recent)


def find_place(
    answer: Answer[Row], offset: int, recent: RecentRows, end_probes: EndProbes, ask: Callable[[int], Answer[Row]]
) -> tuple[Answer[Row] | None, bool]:
    """The nearest answer with a row that was sent, or None; and whether it was found behind the place.

    ``answer`` is the one at the place, and ``ask`` fetches the one at an offset.
    """
    # As many rows as the server gives, which may be fewer than are asked for.
    span = max(min(answer.asked, end_probes.longest) - 1, 1)
    step = span
    while not answer.rows and answer.skip > 0:
        answer, step = ask(max(answer.skip - step, 0)), 2 * step
        if not is_lost(answer, offset, recent):
            return answer, False
    before, behind = answer.skip, answer.skip + len(answer.rows)
    pages_left = _MOST_PAGES_BEHIND if answer.rows else 0
    while before > 0 or pages_left:
        if before > 0:
            # The last page of a list does not show how many rows the server gives at once.
            span = max(span, min(answer.asked, end_probes.longest) - 1)
            before = max(before - span, 0)
            answer = ask(before)
            if not is_lost(answer, offset, recent):
                return answer, False
        if pages_left:
            answer = ask(behind)
            if any(map(recent.is_unmoved, answer.identities)):
                return answer, True
            behind += len(answer.rows)
            pages_left = pages_left - 1 if answer.rows else 0
    return None, False
