"""Talks to the OData doors: finds out where they lie, fetches their descriptions, and asks for rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from airbyte_cdk.models import FailureType

from source_acumatica.client import Client
from source_acumatica.codec import FeedAnswer, decode_feed
from source_acumatica.edmx import BrokenMetadataError, Metadata, MetadataError, read_metadata
from source_acumatica.entity import Wire
from source_acumatica.errors import (
    BrokenAnswerError,
    Next,
    Problem,
    RequestFailed,
    config_error,
    read_feed_answer,
    read_metadata_answer,
)
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.odata import Generation, ParameterError, parameterized
from source_acumatica.paging import (
    BEGINNING,
    SMALLEST_PAGE_ROWS,
    MovingListError,
    PageSize,
    anchored_pages,
)
from source_acumatica.trail import Identity

Answer = TypeVar("Answer")

_DESCRIPTION_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class FeedPage:
    """The rows of an answer, its size, and where the server says that it goes on."""

    rows: Sequence[Wire]
    size_bytes: int
    next_link: str | None


def _read_feed(response: requests.Response, decode: Callable[[bytes], FeedAnswer]) -> FeedPage:
    body = response.content
    feed = decode(body)
    return FeedPage(feed.value, len(body), feed.next_link or feed.old_next_link)


def inquiry_resource(table: FeedTable, given: Mapping[str, Any], version: int) -> tuple[str, dict[str, str]]:
    """The resource below the feed's root, and the options with an inquiry's parameters.

    Raises:
        AirbyteTracedException: a ``config_error`` about parameters that are missing, unknown or of the wrong type.
    """
    try:
        return parameterized(table, given, version)
    except ParameterError as error:
        message = f"{error}."
        raise config_error(message) from None


class _UncutListError(Exception):
    """The server gave more rows than it was asked for."""

    def __init__(self, first: FeedPage) -> None:
        super().__init__()
        self.first = first


class Doors:
    """The OData doors of the instance; which generation of addresses it has is found out by whoever comes first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._generation: Generation | None = None
        self._versions: dict[tuple[FeedDoor, str], int] = {}

    def version(self, door: FeedDoor, tenant: str) -> int:
        """The version of OData that the door speaks, by its description; tables have always been in version 4."""
        return self._versions.get((door, tenant), 4)

    def now(self, tenant: str) -> datetime:
        """The server's clock at the tenant's first sign-in, or ours before it."""
        return self._client.server_time(tenant) or datetime.now(UTC)

    def root(self, door: FeedDoor, tenant: str) -> str:
        """The feed's address below the instance."""
        return (self._generation or Generation.TENANT_FIRST).root(door, tenant)

    def describe(self, tenant: str, door: FeedDoor, is_wanted: Callable[[str, str], bool]) -> Metadata:
        """What the door has, as far as it is wanted; one download.

        Raises:
            AirbyteTracedException: the door is closed, or its description is broken or hostile.
        """
        where = f"Tenant '{tenant}', description of the OData {_CONTENTS[door]}"

        def read(response: requests.Response) -> Metadata:
            try:
                return read_metadata(response.iter_content(_DESCRIPTION_CHUNK_BYTES), is_wanted)
            except BrokenMetadataError as error:
                raise BrokenAnswerError(str(error)) from None
            except MetadataError as error:
                msg = f"{where}: {error}. It is not read."
                raise config_error(msg) from None

        metadata = self.fetch(
            tenant,
            door,
            "$metadata",
            read=read,
            where=where,
            headers={"Accept": "application/xml"},
            judge=partial(read_metadata_answer, needed=_NEEDED[door]),
            is_streamed=True,
        )
        self._versions[door, tenant] = metadata.version
        return metadata

    def rows(
        self,
        tenant: str,
        door: FeedDoor,
        resource: str,
        params: Mapping[str, str],
        *,
        where: str,
        headers: Mapping[str, str] | None = None,
        is_query: bool = False,
        is_page: bool = False,
        decode: Callable[[bytes], FeedAnswer] = decode_feed,
    ) -> FeedPage:
        """The rows of one answer; ``is_query``: an empty body is a refusal to filter or sort."""
        return self.fetch(
            tenant,
            door,
            resource,
            params,
            read=partial(_read_feed, decode=decode),
            where=where,
            headers=headers,
            judge=partial(read_feed_answer, needed=_NEEDED[door], is_query=is_query),
            is_page=is_page,
        )

    def follow(self, tenant: str, door: FeedDoor, link: str, **request: Any) -> FeedPage:
        """The rows of the answer that a link leads to.

        Raises:
            AirbyteTracedException: it leads off the feed; the token is not sent there.
        """
        return self.rows(tenant, door, self._resource(tenant, door, link), {}, **request)

    def all_rows(
        self, tenant: str, door: FeedDoor, resource: str, params: Mapping[str, str], **request: Any
    ) -> list[Wire]:
        """The rows of an answer and of all that its links lead to."""
        first = self.rows(tenant, door, resource, params, **request)
        pages = linked_pages(first, lambda link: self.follow(tenant, door, link, **request), request["where"])
        return [row for page in pages for row in page.rows]

    def pages(
        self,
        tenant: str,
        door: FeedDoor,
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
        size, has_begun = PageSize(most_rows), False

        def whole() -> Iterator[FeedPage]:
            plain = {name: value for name, value in params.items() if name != "$orderby"}
            first = self.rows(tenant, door, resource, plain, **request)
            return linked_pages(first, lambda link: self.follow(tenant, door, link, **request), request["where"])

        def fetch(skip: int) -> tuple[Sequence[Any], int]:
            page, asked = self._sized(size, tenant, door, resource, params, skip, **request)
            if skip == 0 and len(page.rows) > asked:
                # It does not let itself be cut, and these are all.
                raise _UncutListError(page)
            # A link says that the page was cut short, so the list goes on.
            return page.rows, len(page.rows) if page.next_link else asked

        try:
            for page in anchored_pages(fetch, identify, BEGINNING):
                has_begun = True
                yield page.rows
        except MovingListError:
            yield from (page.rows for page in whole())
        except _UncutListError as uncut:
            follow = partial(self.follow, tenant, door, **request)
            yield from (page.rows for page in linked_pages(uncut.first, follow, request["where"]))
        except RequestFailed as error:
            if has_begun or not (error.problem.next is Next.CLIMB_DOWN or error.problem.status == _SERVER_ERROR):
                raise
            yield from (page.rows for page in whole())

    def _sized(
        self,
        size: PageSize,
        tenant: str,
        door: FeedDoor,
        resource: str,
        params: Mapping[str, str],
        skip: int,
        **request: Any,
    ) -> tuple[FeedPage, int]:
        """A page and how many rows it was asked for; fewer, where the ERP does not support as many."""
        while True:
            asked, began = size.rows, time.monotonic()
            place = {"$top": str(asked), **({"$skip": str(skip)} if skip else {})}
            try:
                page = self.rows(
                    tenant, door, resource, {**params, **place}, is_page=asked > SMALLEST_PAGE_ROWS, **request
                )
            except RequestFailed as error:
                if error.problem.next is not Next.FEWER_ROWS or not size.shrink():
                    raise
            else:
                size.observe(time.monotonic() - began, page.size_bytes)
                return page, asked

    def fetch(
        self,
        tenant: str,
        door: FeedDoor,
        resource: str,
        params: Mapping[str, str] | None = None,
        *,
        read: Callable[[requests.Response], Answer],
        where: str,
        **request: Any,
    ) -> Answer:
        """Ask below the feed's root, at the addresses of each generation until one is not unknown there.

        Raises:
            RequestFailed: given up, or neither generation has it.
        """
        *others, last = [self._generation] if self._generation else Generation
        for generation in others:
            try:
                return self._fetch_at(generation, tenant, door, resource, params, read, where=where, **request)
            except RequestFailed as error:
                if error.problem.status != _NOT_FOUND:
                    raise
        return self._fetch_at(last, tenant, door, resource, params, read, where=where, **request)

    def _fetch_at(
        self,
        generation: Generation,
        tenant: str,
        door: FeedDoor,
        resource: str,
        params: Mapping[str, str] | None,
        read: Callable[[requests.Response], Answer],
        **request: Any,
    ) -> Answer:
        try:
            path = f"{generation.root(door, tenant)}/{resource}"
            answer = self._client.fetch(tenant, path, params, read=read, **request)
        except RequestFailed as error:
            if error.problem.status in _FOUND:
                self._generation = generation
            raise
        self._generation = generation
        return answer

    def _resource(self, tenant: str, door: FeedDoor, link: str) -> str:
        """What a link leads to, below the feed's root; it may be relative or absolute.

        Raises:
            AirbyteTracedException: it leads off the feed.
        """
        root = self._client.instance_url + self.root(door, tenant)
        resource = link
        if urlsplit(link).scheme or link.startswith(("/", "\\")):
            resource = link[len(root) + 1 :] if link.lower().startswith(f"{root}/".lower()) else ""
        if not resource or ".." in unquote(resource).replace("\\", "/").split("?")[0].split("/"):
            msg = f"Tenant '{tenant}': OData's link to the next page leads off {root}; it is not followed."
            raise config_error(msg)
        return resource


def linked_pages(first: FeedPage, follow: Callable[[str], FeedPage], where: str) -> Iterator[FeedPage]:
    """An answer and all that its links lead to.

    Raises:
        RequestFailed: the links lead back, or on without rows.
    """
    page, links, empty = first, set(), 0
    while True:
        yield page
        link = page.next_link
        if not link:
            return
        empty = 0 if page.rows else empty + 1
        if link in links or empty > _MOST_EMPTY_PAGES:
            sentence = "the ERP's links to the next page do not lead on: reading was stopped"
            raise RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), where)
        links.add(link)
        page = follow(link)


# A page may be empty where its rows have been deleted meanwhile.
_MOST_EMPTY_PAGES = 20
_NOT_FOUND = 404
_SERVER_ERROR = 500
# What is answered by a door that is there, if only to refuse.
_FOUND = (400, 401, 403)
_NEEDED = {
    FeedDoor.INQUIRIES: "view rights on the inquiry's form (Access Rights by Screen, SM201020)",
    FeedDoor.TABLES: "the role OData4 User (User Roles, SM201005)",
}
_CONTENTS = {FeedDoor.INQUIRIES: "inquiries", FeedDoor.TABLES: "tables"}
