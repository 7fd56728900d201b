"""Decides how many requests may be in flight, by how many of them wait in the queue of the licence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

# A request is declined if more than 20 wait (BEHAVIOR.md, "Licence"), and other integrations wait in the same queue.
_LONGEST_QUEUE, _MOST_UNPROVEN = 20, 8
# The licence counts a minute: what went on for so long without waiting uses less than half of it.
_PROVEN_SECONDS = 60.0
# A few that wait keep the ERP busy while the next ones are on their way. Each one more only waits.
_FEW_QUEUED = 1.5
_MOST_QUEUED = 3.0
# Half of the queue goes at a time: taking all of it away leaves the ERP without work.
_TAKEN_AWAY = 0.5
# A wait that stays like this although fewer requests are in flight is none for the licence; chance may halve one.
_STAYS = 0.75
_CLEARLY_LESS = 0.35
_TIMES_UNTIL_BELIEVED = 2
# Not fewer answers are judged together: what only one or two of them waited is no queue. Of a trial even more.
_LEAST_ANSWERS = 8
_LEAST_ANSWERS_OF_TRIAL = 24
# Rounds differ by chance where the network's times do. So much counts the last one beside those before it ...
_OF_LAST_ROUND = 0.3
# ... and so much the usual wait comes nearer to it while hardly any wait; sooner where the wait has become shorter.
_FOLLOWS, _FOLLOWS_DOWN = 0.05, 0.5
_HARDLY_QUEUED = 1.0
# If it came from a queue after all: so many may wait unnoticed with as many in flight as are allowed without a proof.
_MOST_UNNOTICED = 2.0
# After so many rounds, no answer is expected to tell what it took any more.
_ROUNDS_UNTIL_BELIEVED = 8
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


class _Round:
    """Answers that are judged together, and what nearly all of them waited."""

    def __init__(self, answers: Sequence[_Waited]) -> None:
        self.in_flight = fmean(each.exchange.in_flight for each in answers)
        self.most_in_flight = max(each.exchange.in_flight for each in answers)
        self.whole = fmean(each.exchange.whole for each in answers) or 1.0
        # Outliers do not count, nor what takes only one kind of requests longer.
        self.outside = sorted(each.outside for each in answers)[len(answers) // 4]
        self.waited = self.outside + min(each.inside for each in answers)

    def queued(self, usual: float) -> float:
        """How many requests wait, if those waited longer than usual by this; below 0 where they waited less."""
        return self.in_flight * (self.waited - usual) / self.whole

    def wait_of(self, queued: float) -> float:
        """How long requests wait where so many do."""
        return queued * self.whole / self.in_flight


class ConcurrencyLimit:
    """At ``most`` so many requests may be in flight.

    As many of them wait in the queue as they wait of their time (Little's law). The wait shows as time outside of that
    of which the ERP speaks; or within it, in case that begins before the queue, which is not known: then all kinds of
    requests take longer at once. A network or a database that has become slow looks the same, but it does not become
    faster by fewer requests: then the limit is taken back, and that time is the usual one from then on. So is what the
    times of a network differ by, which is there with a few requests as well.
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
        self._trial: tuple[int, float] | None = None
        """The limit before fewer were sent, and the wait that is to become shorter by it."""
        self._rounds_of_few = self._rounds_untold = 0
        self._has_told = False
        """Whether an answer has told what it took."""
        self._least_outside: dict[str, float] = {}
        self._least_inside: dict[str, float] = {}
        self._helped = self._refuted = self._rounds_left_alone = 0
        self._usual = self._refuted_wait = self._recently_queued = 0.0

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
        least = _LEAST_ANSWERS_OF_TRIAL if self._trial else _LEAST_ANSWERS
        if len(self._answers) + self._untold >= max(least, self.most):
            self._decide(exchange.sent_at + exchange.whole)

    def decline(self, exchange: Exchange) -> None:
        """Take into account that the ERP has declined a request: more wait than its queue takes."""
        if exchange.at_work is None or exchange.sent_at < self._decided_at:
            return
        self._waited_at = exchange.sent_at + exchange.whole
        self._begin_round(self._waited_at)
        self._trial = None
        # The licence may make all of them wait from one moment to the next: no more than its queue takes.
        self._sessions = min(self._sessions, _LONGEST_QUEUE)
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
        answers, trial = self._begin_round(now), self._trial
        if not answers:
            # Where only some answers tell it, a few in a row may not.
            self._rounds_untold += 1
            if self._rounds_untold >= (_ROUNDS_UNTIL_BELIEVED if self._has_told else 1):
                self.most, self._trial = self._sessions, None
            return
        self._trial, self._rounds_untold, self._has_told = None, 0, True
        ended = _Round(answers)
        if trial and not self._ends_with(ended, *trial):
            return
        self._notice(ended)
        queued = ended.queued(self._usual)
        if queued > _MOST_QUEUED and self._recently_queued > _FEW_QUEUED:
            if self._rounds_left_alone:
                self._rounds_left_alone -= 1
                return
            self._reduce(math.floor(min(ended.in_flight, self.most) - _TAKEN_AWAY * queued), ended.waited, now)
        elif self._recently_queued >= _HARDLY_QUEUED:
            if queued >= _FEW_QUEUED:
                self._waited_at = now
            self._leave(self._usual + ended.wait_of(self._recently_queued), now)
        elif queued < _FEW_QUEUED and ended.most_in_flight >= self.most:
            self._raise(now)

    def _ends_with(self, ended: _Round, most: int, waited: float) -> bool:
        """Whether fewer requests in flight have helped; if half of them do not, the limit is taken back."""
        if ended.waited - self._usual <= _STAYS * (waited - self._usual):
            self._helped, self._refuted = self._helped + 1, 0
            self.has_helped |= self._helped >= _TIMES_UNTIL_BELIEVED or ended.waited < _CLEARLY_LESS * waited
            return True
        if self.most > max(most // 2, 1):
            self.most, self._trial = max(most // 2, 1), (most, waited)
            return False
        self.most, self._usual, self._refuted_wait = most, ended.waited, ended.waited
        self._rounds_left_alone = min(2**self._refuted, _ROUNDS_UNTIL_TRIED)
        self._refuted, self._helped, self._recently_queued = self._refuted + 1, 0, 0.0
        return False

    def _notice(self, ended: _Round) -> None:
        """Take into account how long requests waited, and what of that is usual."""
        self._recently_queued += _OF_LAST_ROUND * (ended.queued(self._usual) - self._recently_queued)
        if self._recently_queued < _HARDLY_QUEUED:
            follows = _FOLLOWS if self._recently_queued > -_HARDLY_QUEUED else _FOLLOWS_DOWN
            most = max(self._refuted_wait, _MOST_UNNOTICED * ended.whole / _MOST_UNPROVEN)
            # What chance adds to the time of work shows in some requests only.
            waited = min(ended.waited, max(ended.outside, self._usual))
            self._usual = min(self._usual + follows * (waited - self._usual), most)
            if follows == _FOLLOWS_DOWN:
                self._refuted_wait = min(self._refuted_wait, self._usual)

    def _reduce(self, most: int, waited: float, now: float) -> None:
        self._waited_at, self._rounds_of_few = now, 0
        self._trial = self.most, waited
        self.most = max(most, 1)

    def _leave(self, waited: float, now: float) -> None:
        """Leave it as it is for some rounds."""
        self._rounds_of_few += 1
        if self._rounds_of_few > _ROUNDS_UNTIL_TRIED:
            self._reduce(self.most // 2, waited, now)

    def _raise(self, now: float) -> None:
        is_proven = self._waited_at is not None and now - self._waited_at > _PROVEN_SECONDS
        highest = self._sessions if is_proven else min(self._sessions, _MOST_UNPROVEN)
        self._rounds_of_few = 0
        self.most = max(self.most, min(self.most + max(self.most // 4, 1), highest))
