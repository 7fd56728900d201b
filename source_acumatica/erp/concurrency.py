"""Decides how many requests may be in flight, by how many of them wait in the queue of the licence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

# A request is declined if more than 20 wait (BEHAVIOR.md, "Licence"), and other integrations wait in the same queue.
_MOST_UNPROVEN = 8
# The licence counts a minute: what went on for so long without waiting uses less than half of it.
_PROVEN_SECONDS = 60.0
# A few that wait keep the ERP busy while the next ones are on their way. Each one more only waits.
_FEW_QUEUED = 1.5
_MOST_QUEUED = 3.0
# Half of the queue goes at a time: taking all of it away leaves the ERP without work.
_TAKEN_AWAY = 0.5
# A wait that stays like this although fewer requests are in flight is none for the licence.
_STAYS = 0.8
# Not fewer answers are judged together: what only one or two of them waited is no queue.
_LEAST_ANSWERS = 8
# By this, the least that a kind of request takes follows work that grows: pages that begin further and further back.
_CREEP = 1.002
# So many times the same few wait; then fewer are sent, to see whether it is the licence that they wait for.
_ROUNDS_UNTIL_TRIED = 20
# Records and files that are read one by one have an address each, which is asked once.
_MOST_KINDS = 1000


@dataclass(frozen=True)
class Exchange:
    """One answered request; times are in seconds."""

    kind: str
    """Requests of one kind mostly take the ERP about as long."""
    sent_at: float
    in_flight: int
    """How many were so when it was sent, with it."""
    until_answer: float
    """Until the headers of the answer came."""
    whole: float
    """Until all of the answer had come."""
    at_work: float | None
    """What the ERP says that it took; None where it does not say it."""


@dataclass(frozen=True)
class _Waited:
    """What an exchange took beyond the least that such exchanges take."""

    exchange: Exchange
    outside: float
    """Outside of the time of which the ERP speaks."""
    inside: float
    """Within that, so it may be work."""


class ConcurrencyLimit:
    """At ``most`` so many requests may be in flight.

    As many of them wait in the queue as they wait of their time (Little's law). The wait shows as time outside of that
    of which the ERP speaks; or within it, in case that begins before the queue, which is not known: then all kinds of
    requests take longer at once. A network or a database that has become slow looks the same, but it does not become
    faster by fewer requests: then the limit is taken back, and that time is the usual one from then on.
    """

    def __init__(self, sessions: int) -> None:
        self.most = min(_MOST_UNPROVEN, sessions)
        self.has_helped = False
        """Whether requests waited, and waited less once fewer were in flight."""
        self._sessions = sessions
        self._answers: list[_Waited] = []
        self._untold = 0
        self._decided_at = -math.inf
        self._waited_at: float | None = None
        self._reduced: tuple[int, float] | None = None
        self._rounds_of_few = 0
        self._least_outside: dict[str, float] = {}
        self._least_inside: dict[str, float] = {}
        self._refuted = self._rounds_left_alone = 0

    def learn(self, exchange: Exchange) -> None:
        """Take an answered request into account.

        One sent before the last decision does not show its effect, and only makes the least smaller.
        """
        waited = self._waited(exchange)
        if self._waited_at is None:
            self._waited_at = exchange.sent_at
        if exchange.sent_at < self._decided_at:
            return
        if waited:
            self._answers.append(waited)
        else:
            self._untold += 1
        if len(self._answers) + self._untold >= max(_LEAST_ANSWERS, self.most):
            self._decide(exchange.sent_at + exchange.whole)

    def decline(self, exchange: Exchange) -> None:
        """Take into account that the ERP has declined a request: more wait than its queue takes."""
        if exchange.at_work is None or exchange.sent_at < self._decided_at:
            return
        self._waited_at = exchange.sent_at + exchange.whole
        self._begin_round(self._waited_at)
        self._reduced = None
        self.most = max(self.most // 2, 1)

    def _waited(self, exchange: Exchange) -> _Waited | None:
        if exchange.at_work is None:
            return None
        if len(self._least_inside) > _MOST_KINDS:
            self._least_inside.clear()
            self._least_outside.clear()
        kind, outside = exchange.kind, exchange.until_answer - exchange.at_work
        # What is asked once only has no usual time of its own: the least of all is taken for it.
        usual = self._least_outside.get(kind, min(self._least_outside.values(), default=math.inf))
        self._least_outside[kind] = min(outside, self._least_outside.get(kind, math.inf))
        inside = self._least_inside[kind] = min(exchange.at_work, self._least_inside.get(kind, math.inf) * _CREEP)
        return _Waited(exchange, outside - min(outside, usual), exchange.at_work - inside)

    def _begin_round(self, now: float) -> Sequence[_Waited]:
        """The answers of the round that ends."""
        answers, self._answers, self._untold, self._decided_at = self._answers, [], 0, now
        return answers

    def _decide(self, now: float) -> None:
        answers, reduced = self._begin_round(now), self._reduced
        self._reduced = None
        if not answers:
            self.most = self._sessions
            return
        waited = _common(answers)
        if reduced and waited > _STAYS * reduced[1]:
            self.most = reduced[0]
            self._least_outside, self._least_inside = {}, {}
            self._rounds_left_alone = min(2**self._refuted, _ROUNDS_UNTIL_TRIED)
            self._refuted += 1
            return
        if reduced:
            self.has_helped, self._refuted = True, 0
        if self._rounds_left_alone:
            self._rounds_left_alone -= 1
            return
        in_flight = fmean(each.exchange.in_flight for each in answers)
        queued = in_flight * waited / (fmean(each.exchange.whole for each in answers) or 1.0)
        if queued > _MOST_QUEUED:
            self._reduce(math.floor(min(in_flight, self.most) - _TAKEN_AWAY * queued), waited, now)
        elif queued >= _FEW_QUEUED:
            self._leave(waited, now)
        elif any(each.exchange.in_flight >= self.most for each in answers):
            self._raise(now)

    def _reduce(self, most: int, waited: float, now: float) -> None:
        self._waited_at, self._rounds_of_few = now, 0
        self._reduced = self.most, waited
        self.most = max(most, 1)

    def _leave(self, waited: float, now: float) -> None:
        """Leave it as it is for some rounds."""
        self._waited_at, self._rounds_of_few = now, self._rounds_of_few + 1
        if self._rounds_of_few > _ROUNDS_UNTIL_TRIED:
            self._reduce(self.most // 2, waited, now)

    def _raise(self, now: float) -> None:
        is_proven = self._waited_at is not None and now - self._waited_at > _PROVEN_SECONDS
        highest = self._sessions if is_proven else min(self._sessions, _MOST_UNPROVEN)
        self._rounds_of_few = 0
        self.most = max(self.most, min(self.most + max(self.most // 4, 1), highest))


def _common(answers: Sequence[_Waited]) -> float:
    """What nearly all requests waited: outliers do not count, nor what takes only one kind of them longer."""
    return sorted(each.outside for each in answers)[len(answers) // 4] + min(each.inside for each in answers)
