"""Reads a list that is not a stream's, such as that of deleted records, in pages or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.pages import CutPages, ODataPage, sized_page
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS, PageSize
from source_acumatica.reading.paging import BEGINNING, EMPTIED, MovingListError
from source_acumatica.reading.sent_rows import Identity


class _UncutListError(Exception):
    """The server gave more rows than it was asked for."""

    def __init__(self, first: ODataPage) -> None:
        super().__init__()
        self.first = first


def list_pages(
    service: ODataService,
    tenant: str,
    feed: ODataFeed,
    resource: str,
    params: Mapping[str, str],
    *,
    identify: Callable[[Any], Identity],
    most_rows: int,
    **request: Any,
) -> Iterator[Sequence[Any]]:
    """The rows of a list in the order of ``params``, page by page; each page overlaps the one before.

    A list that can be neither ordered nor cut into pages comes in one answer and those that its links lead to. Rows
    may come twice.

    Raises:
        RequestFailed: the list is refused, or the server gave up in the middle of it.
    """
    size, cut, has_begun = PageSize(most_rows), CutPages(request["where"]), False

    def whole() -> Iterator[Sequence[Any]]:
        plain = {name: value for name, value in params.items() if name != "$orderby"}
        first = service.rows(tenant, feed, resource, plain, **request)
        return service.linked_rows(first, tenant, feed, resource, **request)

    def page_at(skip: int) -> tuple[ODataPage, int]:
        def ask(rows: int) -> ODataPage:
            place = {"$top": str(rows), **({"$skip": str(skip)} if skip else {})}
            is_page = rows > SMALLEST_PAGE_ROWS
            return service.rows(tenant, feed, resource, {**params, **place}, is_page=is_page, **request)

        page, asked = sized_page(size, size.rows, ask, request["where"])
        return cut.filled(page, lambda link: service.follow(tenant, feed, link, resource, **request)), asked

    def fetch(skip: int) -> tuple[Sequence[Any], int]:
        page, asked = page_at(skip)
        # A row that is repeated within one answer would be taken for the place that was reached.
        once = {identify(row): row for row in page.rows}
        page = replace(page, rows=[*once.values()]) if len(once) < len(page.rows) else page
        if skip == 0 and len(page.rows) > asked:
            behind, _ = page_at(len(page.rows))
            if all(identify(row) in once for row in behind.rows):
                # The server ignores the page size, and these are all rows.
                raise _UncutListError(page)
            return page.rows, len(page.rows)
        # A link says that the page was cut short, so the list goes on.
        return page.rows, len(page.rows) if page.next_link else asked

    try:
        for page in anchored_pages(fetch, identify, BEGINNING):
            has_begun = True
            yield page.rows
    except MovingListError:
        has_rows = False
        for rows in whole():
            has_rows |= bool(rows)
            yield rows
        if has_begun and not has_rows:
            problem = Problem(Action.STOP, FailureType.transient_error, EMPTIED)
            raise RequestFailed(problem, request["where"]) from None
    except _UncutListError as uncut:
        yield from service.linked_rows(uncut.first, tenant, feed, resource, **request)
    except RequestFailed as error:
        if has_begun or not (
            error.problem.action is Action.ASK_FOR_LESS or error.problem.status == HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise
        yield from whole()
