"""The lies that are switched on."""

from __future__ import annotations

from itertools import count

from integration_tests.simulator.trouble.lies import Lies, together
from integration_tests.simulator.web.requests import Request


class Switches:
    """Holds what tests have set; each request is answered by what holds when its turn has come."""

    def __init__(self) -> None:
        self.lies: tuple[Lies, ...] = ()
        self._turns = count(1)

    @property
    def everywhere(self) -> Lies:
        """All lies together, whichever requests they are meant for."""
        return together(self.lies)

    def of(self, request: Request) -> Lies:
        return together(each for each in self.lies if each.concerns(request.target))

    def next_turn(self) -> int:
        """Another number each time."""
        return next(self._turns)
