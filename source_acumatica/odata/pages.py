"""Follows the pages of a list as the server cuts them: their sizes, and the links from one to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.helpers import clock
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import PageSize
from source_acumatica.reading.sent_rows import content_of

logger = logging.getLogger("airbyte")

# A page may be empty if its rows were deleted meanwhile, and equal to another if rows are alike.
_MOST_IDLE_PAGES = 20
# One row that came before, one that is held back since others may belong to it, and one that is new.
FEWEST_ROWS = 3


@dataclass(frozen=True)
class ODataPage:
    """The rows of an answer, its size, and the link to the next one."""

    rows: Sequence[Raw]
    size_bytes: int
    next_link: str | None
    unserved: tuple[str, ...] = ()
    """The columns that were asked for and that no row names."""


def linked_pages(first: ODataPage, follow: Callable[[str], ODataPage], where: str) -> Iterator[ODataPage]:
    """An answer and all that its links lead to.

    Raises:
        RequestFailed: the links lead back, or on without new rows.
    """
    page, links, idle = first, set(), 0
    contents = {content_of([])}
    while True:
        yield page
        link = page.next_link
        if not link:
            return
        content = content_of(list(page.rows))
        idle = idle + 1 if content in contents else 0
        contents.add(content)
        if link in links or idle > _MOST_IDLE_PAGES:
            sentence = "the ERP's links to the next page do not lead on: reading was stopped"
            raise RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), where)
        links.add(link)
        page = follow(link)


def sized_page(size: PageSize, asked: int, ask: Callable[[int], ODataPage], where: str) -> tuple[ODataPage, int]:
    """A page, and how many rows it was asked for: fewer than ``asked`` where the ERP cannot give as many.

    Raises:
        RequestFailed: it fails for another reason, or even with the fewest rows.
    """
    while True:
        began = clock()
        try:
            page = ask(asked)
        except RequestFailed as error:
            if error.problem.action is not Action.FEWER_ROWS or not size.shrink(asked):
                raise
            # A look behind the end asks for more rows than a page has.
            asked = max(asked // 2, size.rows)
            logger.warning(f"{where}: {error.problem.sentence}. Asking for {asked} rows.")
        else:
            size.observe(clock() - began, page.size_bytes, asked)
            return page, asked


@dataclass
class CutPages:
    """The pages of one list, from a server that may cut them and then remove the rows that the user may not see."""

    where: str
    _longest: int = 0
    """The most rows of a page with a link to the next one: the server's own page size."""

    def filled(self, page: ODataPage, follow: Callable[[str], ODataPage], fewest: int = FEWEST_ROWS) -> ODataPage:
        """The page, together with those behind it where too few of its rows were left to go on from.

        Raises:
            RequestFailed: the links do not lead on.
        """
        if page.next_link is None or len(page.rows) >= max(self._longest, fewest):
            self._note(page)
            return page
        rows: list[Raw] = []
        size_bytes = count = 0
        for each in linked_pages(page, follow, self.where):
            self._note(each)
            rows.extend(each.rows)
            size_bytes, count, page = size_bytes + each.size_bytes, count + 1, each
            taken_out = count * self._longest - len(rows)
            # Places count only visible rows, so as many more are needed as were removed.
            if len(rows) >= max(self._longest, fewest) + taken_out:
                break
        return ODataPage(rows, size_bytes, page.next_link)

    def _note(self, page: ODataPage) -> None:
        if page.next_link:
            self._longest = max(self._longest, len(page.rows))
