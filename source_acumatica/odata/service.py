"""Talks to the OData doors: finds out where they lie, fetches their descriptions, and asks for rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.erp.answers import NO_CONTENT, Judge, of_its_head, or_no_content, refuse_beginning
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, BrokenAnswerError, Problem, RequestFailed, config_error
from source_acumatica.odata.answers import REFUSED_BY_SILENCE, read_metadata_answer, read_odata_answer
from source_acumatica.odata.codec import ODataAnswer, decode_answer
from source_acumatica.odata.metadata import BrokenMetadataError, Metadata, MetadataError, read_metadata
from source_acumatica.odata.pages import CutPages, ODataPage, linked_pages, sized_page, unserved
from source_acumatica.odata.query import Generation, ODataPlan, ParameterError, odata_options, parameterized
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.batches import pack
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS, PageSize
from source_acumatica.reading.paging import BEGINNING, EMPTIED, MovingListError
from source_acumatica.reading.trail import Identity
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")
Answer = TypeVar("Answer")

_CHUNK_BYTES = 64 * 1024


def _read_page(
    response: requests.Response, decode: Callable[[bytes], ODataAnswer], columns: Collection[str]
) -> ODataPage:
    body = response.content
    if response.status_code == NO_CONTENT:
        return ODataPage([], 0, None)
    entity_set = decode(body)
    silent = unserved(entity_set.value, body, columns)
    return ODataPage(entity_set.value, len(body), entity_set.next_link or entity_set.old_next_link, silent)


def _read_whole_list(response: requests.Response, decode: Callable[[bytes], ODataAnswer]) -> ODataPage:
    """The same while it arrives, for an answer that may have all rows of a feed."""
    if response.status_code == NO_CONTENT:
        return ODataPage([], 0, None)
    size_bytes = 0

    def pieces() -> Iterator[bytes]:
        nonlocal size_bytes
        for piece in response.iter_content(_CHUNK_BYTES):
            size_bytes += len(piece)
            yield piece

    rows, rest = pack(refuse_beginning(pieces()), ["value"], lambda text: decode(b'{"value":[%b]}' % text).value)
    entity_set = decode(rest)
    return ODataPage(rows or entity_set.value, size_bytes, entity_set.next_link or entity_set.old_next_link)


def inquiry_resource(
    tenant: str, table: ODataTable, given: Mapping[str, Any], version: int
) -> tuple[str, dict[str, str]]:
    """The resource below the feed's root, and the options with an inquiry's parameters.

    Raises:
        AirbyteTracedException: a ``config_error`` about parameters that are missing, unknown or of the wrong type.
    """
    try:
        return parameterized(table, given, version)
    except ParameterError as error:
        message = f"Tenant '{tenant}': {error}."
        raise config_error(message) from None


def first_row(tenant: str, table: ODataTable, given: Mapping[str, Any], version: int) -> tuple[str, dict[str, str]]:
    """The resource and the options that ask for one row of a table or an inquiry, in no order and of no window.

    Raises:
        AirbyteTracedException: as ``inquiry_resource``.
    """
    resource, parameters = inquiry_resource(tenant, table, given, version)
    options = odata_options(table, ODataPlan((), filters=False), None, Window(), {"version": version, "top": 1})
    return resource, parameters | options


class _UncutListError(Exception):
    """The server gave more rows than it was asked for."""

    def __init__(self, first: ODataPage) -> None:
        super().__init__()
        self.first = first


class ODataService:
    """The OData doors of the instance; which generation of addresses it has is found out by whoever comes first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._generation: Generation | None = None
        self._behind_pages: dict[ODataFeed, Generation] = {}
        """Services whose newer address shows the sign-in only; it may be the weather, so the others are not touched."""
        self._versions: dict[tuple[ODataFeed, str], int] = {}

    def version(self, feed: ODataFeed, tenant: str) -> int:
        """The version of OData that the door speaks, by its description; tables have always been in version 4."""
        return self._versions.get((feed, tenant), 4)

    def now(self, tenant: str) -> datetime:
        """The server's clock at the tenant's first sign-in, or ours before it."""
        return self._client.server_time(tenant) or datetime.now(UTC)

    def root(self, feed: ODataFeed, tenant: str) -> str:
        """The feed's address below the instance."""
        generation = self._behind_pages.get(feed) or self._generation or Generation.TENANT_FIRST
        return generation.root(feed, tenant)

    def describe(self, tenant: str, feed: ODataFeed, is_wanted: Callable[[str, str], bool]) -> Metadata:
        """What the door has, as far as it is wanted; one download.

        Raises:
            AirbyteTracedException: the door is closed, or its description is broken or hostile.
        """
        where = f"Tenant '{tenant}', description of the OData {_CONTENTS[feed]}"

        def read(response: requests.Response) -> Metadata:
            try:
                return read_metadata(response.iter_content(_CHUNK_BYTES), is_wanted)
            except BrokenMetadataError as error:
                raise BrokenAnswerError(str(error)) from None
            except MetadataError as error:
                msg = f"{where}: {error}. It is not read."
                raise config_error(msg) from None

        metadata = self._unless_it_stays_so(
            lambda problem: problem.status in CLOSED,
            _TRIES_AT_NOTHING,
            lambda: self.fetch(
                tenant,
                feed,
                "$metadata",
                read=read,
                where=where,
                headers={"Accept": "application/xml"},
                judge=partial(read_metadata_answer, needed=_NEEDED[feed]),
                is_streamed=True,
            ),
        )
        self._versions[feed, tenant] = metadata.version
        return metadata

    def _unless_it_stays_so(
        self, is_doubtful: Callable[[Problem], bool], most_tries: int, ask: Callable[[], Answer]
    ) -> Answer:
        """The answer to ``ask``; a problem that may pass, though it looks as if it would last, is not believed at once.

        Raises:
            RequestFailed: it stays so, or something else is wrong.
        """
        for tries in range(1, most_tries):
            try:
                return ask()
            except RequestFailed as error:
                if not is_doubtful(error.problem):
                    raise
            self._client.pause(tries)
        return ask()

    def rows(
        self,
        tenant: str,
        feed: ODataFeed,
        resource: str,
        params: Mapping[str, str],
        *,
        where: str,
        headers: Mapping[str, str] | None = None,
        is_query: bool = False,
        asks_again: bool = False,
        is_page: bool = False,
        is_unbounded: bool = False,
        is_hint: bool = False,
        decode: Callable[[bytes], ODataAnswer] = decode_answer,
        columns: Collection[str] = (),
    ) -> ODataPage:
        """The rows of one answer; ``is_query``: an empty body is a refusal to filter or sort.

        ``asks_again``: it is believed to be one the second time only, since it may be something that passes.
        ``columns`` are looked for in it. ``is_unbounded``: it may have any number of rows, as ``PackedRows``.
        """
        judge: Judge = partial(read_odata_answer, needed=_NEEDED[feed], is_query=is_query)
        # That an empty body is a refusal is told by looking at it.
        is_streamed = is_unbounded and not is_query
        tries = _TRIES_AT_SILENCE if asks_again else 1
        try:
            return self._unless_it_stays_so(
                lambda problem: problem == REFUSED_BY_SILENCE,
                tries,
                lambda: self.fetch(
                    tenant,
                    feed,
                    resource,
                    params,
                    read=partial(_read_whole_list, decode=decode)
                    if is_streamed
                    else partial(_read_page, decode=decode, columns=columns),
                    where=where,
                    headers=headers,
                    judge=or_no_content(of_its_head(judge) if is_streamed else judge),
                    is_page=is_page,
                    is_streamed=is_streamed,
                    is_hint=is_hint,
                ),
            )
        except RequestFailed as error:
            # Tables have no titles, and a slash in what is asked of them is ours.
            is_titled = feed is ODataFeed.INQUIRIES
            raise (unaddressable(error, resource, where) if is_titled else None) or error from None

    def follow(self, tenant: str, feed: ODataFeed, link: str, resource: str = "", **request: Any) -> ODataPage:
        """The rows of the answer that a link leads to; ``resource`` is what was asked when it came.

        Raises:
            AirbyteTracedException: it leads off the feed; the token is not sent there.
        """
        return self.rows(tenant, feed, self._resource(tenant, feed, link, resource), {}, **request)

    def all_rows(
        self, tenant: str, feed: ODataFeed, resource: str, params: Mapping[str, str], **request: Any
    ) -> list[Raw]:
        """The rows of an answer and of all that its links lead to."""
        first = self.rows(tenant, feed, resource, params, **request)
        return [row for rows in self._linked(first, tenant, feed, resource, **request) for row in rows]

    def _linked(
        self, first: ODataPage, tenant: str, feed: ODataFeed, resource: str, **request: Any
    ) -> Iterator[Sequence[Any]]:
        pages = linked_pages(first, lambda link: self.follow(tenant, feed, link, resource, **request), request["where"])
        return (page.rows for page in pages)

    def pages(
        self,
        tenant: str,
        feed: ODataFeed,
        resource: str,
        params: Mapping[str, str],
        *,
        identify: Callable[[Any], Identity],
        most_rows: int,
        **request: Any,
    ) -> Iterator[Sequence[Any]]:
        """The rows of a list in the order of ``params``, so many at a time, each page overlapping the one before.

        What can be neither ordered nor cut into pages comes in one answer and in those that its links lead to. Rows may
        come twice.

        Raises:
            RequestFailed: the list is refused, or the server gave up in the middle of it.
        """
        size, cut, has_begun = PageSize(most_rows), CutPages(request["where"]), False

        def whole() -> Iterator[Sequence[Any]]:
            plain = {name: value for name, value in params.items() if name != "$orderby"}
            first = self.rows(tenant, feed, resource, plain, **request)
            return self._linked(first, tenant, feed, resource, **request)

        def page_at(skip: int) -> tuple[ODataPage, int]:
            def ask(rows: int) -> ODataPage:
                place = {"$top": str(rows), **({"$skip": str(skip)} if skip else {})}
                is_page = rows > SMALLEST_PAGE_ROWS
                return self.rows(tenant, feed, resource, {**params, **place}, is_page=is_page, **request)

            page, asked = sized_page(size, size.rows, ask, request["where"])
            return cut.filled(page, lambda link: self.follow(tenant, feed, link, resource, **request)), asked

        def fetch(skip: int) -> tuple[Sequence[Any], int]:
            page, asked = page_at(skip)
            # What comes again in one answer would be taken for the place that was reached.
            once = {identify(row): row for row in page.rows}
            page = replace(page, rows=[*once.values()]) if len(once) < len(page.rows) else page
            if skip == 0 and len(page.rows) > asked:
                behind, _ = page_at(len(page.rows))
                if all(identify(row) in once for row in behind.rows):
                    # It does not let itself be cut, and these are all.
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
            yield from self._linked(uncut.first, tenant, feed, resource, **request)
        except RequestFailed as error:
            if has_begun or not (error.problem.action is Action.CLIMB_DOWN or error.problem.status == _SERVER_ERROR):
                raise
            yield from whole()

    def fetch(
        self,
        tenant: str,
        feed: ODataFeed,
        resource: str,
        params: Mapping[str, str] | None = None,
        *,
        read: Callable[[requests.Response], Answer],
        where: str,
        **request: Any,
    ) -> Answer:
        """Ask below the feed's root: where it is not known yet, at the addresses of each generation in turn.

        An address that a build does not know is answered with 404 or, by some, with the sign-in that lies in front of
        everything: a redirect to its page, the page, or 401. A site in maintenance answers all addresses like that, so
        only an address that answers otherwise is taken for the right one.

        Raises:
            RequestFailed: given up, or no generation has it.
        """
        ask = partial(
            self._fetch_at, tenant=tenant, feed=feed, resource=resource, params=params, read=read, where=where
        )
        known = self._behind_pages.get(feed) or self._generation
        if known:
            return ask(known, **request)
        first, last = Generation
        once = {**request, "judge": partial(_without_retries, request["judge"])}
        try:
            return self._found(first, ask(first, **once))
        except RequestFailed as error:
            refusal = error
        if refusal.problem.status == _NOT_FOUND:
            return self._at_the_older(partial(ask, first, **once), ask(last, **request))
        if refusal.problem.status in (_UNAUTHORIZED, _SIGN_IN_PAGE):
            return self._behind_a_page(feed, refusal, partial(ask, first), partial(ask, last), request, once)
        if refusal.problem.status in _FOUND:
            self._generation = first
        raise refusal

    def _at_the_older(self, ask_first: Callable[[], Answer], answer: Answer) -> Answer:
        """``answer`` is of the older address; it counts unless the newer one, asked once more, is there after all."""
        self._client.pause(1)
        try:
            return self._found(Generation.TENANT_FIRST, ask_first())
        except RequestFailed as error:
            if error.problem.status != _NOT_FOUND:
                raise
        return self._found(Generation.FEED_FIRST, answer)

    def _behind_a_page(
        self,
        feed: ODataFeed,
        refusal: RequestFailed,
        ask_first: Callable[..., Answer],
        ask_last: Callable[..., Answer],
        request: Mapping[str, Any],
        once: Mapping[str, Any],
    ) -> Answer:
        """The answer of the older address, where the newer one shows the sign-in and nothing else, now and again."""
        try:
            answer = ask_last(**once)
        except RequestFailed:
            if refusal.problem.status == _SIGN_IN_PAGE:
                return self._found(Generation.TENANT_FIRST, ask_first(**request))
            raise refusal from None
        try:
            return self._found(Generation.TENANT_FIRST, ask_first(**once))
        except RequestFailed as error:
            if error.problem.status not in (_UNAUTHORIZED, _SIGN_IN_PAGE):
                raise
        logger.warning(f"{refusal.message}. Asking at the older address instead.")
        self._behind_pages[feed] = Generation.FEED_FIRST
        return answer

    def _found(self, generation: Generation, answer: Answer) -> Answer:
        self._generation = generation
        return answer

    def _fetch_at(
        self,
        generation: Generation,
        *,
        tenant: str,
        feed: ODataFeed,
        resource: str,
        params: Mapping[str, str] | None,
        read: Callable[[requests.Response], Answer],
        **request: Any,
    ) -> Answer:
        return self._client.fetch(tenant, f"{generation.root(feed, tenant)}/{resource}", params, read=read, **request)

    def _resource(self, tenant: str, feed: ODataFeed, link: str, resource: str = "") -> str:
        """What a link leads to, below the feed's root, as path and query.

        It may be relative, and an absolute one may have the scheme, the host, the port and the directory that the
        server knows itself by behind a proxy: nothing of these is used. The path may be spelt otherwise than ours.

        Raises:
            AirbyteTracedException: it leads off the feed.
        """
        root = self.root(feed, tenant)
        below = _below(root, link)
        if below is None:
            url = f"{self._client.instance_url}{root}"
            msg = f"Tenant '{tenant}': OData's link to the next page leads off {url}; it is not followed."
            raise config_error(msg)
        return f"{resource}{below}" if below.startswith("?") else below


def _below(root: str, link: str) -> str | None:
    """Path and query of a link below the service at ``root``, in any directory; None where it does not lie there."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    path = parts.path
    if "\\" in unquote(path) or ".." in unquote(path).split("/"):
        return None
    if parts.scheme or parts.netloc or path.startswith("/"):
        ours = [_spelt(segment) for segment in root.split("/") if segment]
        theirs = [segment for segment in path.split("/") if segment]
        begins = range(len(theirs) - len(ours))
        begin = next((at for at in begins if [*map(_spelt, theirs[at : at + len(ours)])] == ours), None)
        if begin is None:
            return None
        path = "/".join(theirs[begin + len(ours) :])
    below = f"{path}?{parts.query}" if parts.query else path
    return below or None


def _spelt(segment: str) -> str:
    """A segment of a path in one spelling: with percent codes or without, a plus or a space, in capitals or not."""
    return unquote(segment.replace("+", " ")).replace("+", " ").casefold()


def _without_retries(
    judge: Callable[[requests.Response], Problem | None], response: requests.Response
) -> Problem | None:
    """``judge`` of an answer at an address that may be unknown: a page instead of data is not waited out."""
    problem = judge(response)
    if problem and problem.action is Action.RETRY and (response.status_code < 400):
        return replace(problem, action=Action.STOP, status=_SIGN_IN_PAGE)
    return problem


def unaddressable(error: RequestFailed, resource: str, where: str) -> RequestFailed | None:
    """The error of an inquiry whose title cannot stand in an address; None where that is not what is wrong."""
    title = unquote(resource.split("?")[0].split("(")[0])
    found = [each for each in _REFUSED_IN_PATHS if each in title]
    if not found or error.problem.status not in (400, _NOT_FOUND):
        return None
    sentence = (
        f"its title has {' and '.join(found)} in it, which has another meaning in an address: it cannot be asked for. "
        "Give the inquiry another title (Generic Inquiry, SM208000)"
    )
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, sentence, status=error.problem.status), where)


_NOT_FOUND = 404
# So often what describes a service may be said not to be there: with the pauses in between, three seconds long. A site
# that has just begun to run says so until its addresses are known to it, and a proxy in front of it may.
_TRIES_AT_NOTHING = 3
# An empty body to a filter or an order is a refusal; with all seats taken, others are empty, too.
_TRIES_AT_SILENCE = 2
_UNAUTHORIZED = 401
CLOSED = (_UNAUTHORIZED, 403, _NOT_FOUND)
"""A service is not for this user, or is not there; sites that begin, proxies and firewalls say so, too."""
_SERVER_ERROR = 500
_SIGN_IN_PAGE = 302
"""The status that stands for any page in place of data, where an address may be unknown."""
# ASP.NET refuses these in a path also where they are percent-encoded, and splits the path at the slashes; OData takes
# what stands in parentheses for a key.
_REFUSED_IN_PATHS = ("&", "%", ":", "*", "?", "<", ">", "/", "\\", "(", ")")
# What is answered by a door that is there, if only to refuse.
_FOUND = (400, 401, 403)
_NEEDED = {
    ODataFeed.INQUIRIES: "view rights on the inquiry's form (Access Rights by Screen, SM201020)",
    ODataFeed.TABLES: "the role OData4 User (User Roles, SM201005)",
}
_CONTENTS = {ODataFeed.INQUIRIES: "inquiries", ODataFeed.TABLES: "tables"}
