"""Sends requests for descriptions and rows to the OData services of an instance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeVar

import requests

from source_acumatica.erp.answers import NO_CONTENT, Judge, of_its_head, or_no_content, refuse_beginning
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import BrokenAnswerError, Problem, RequestFailed, config_error
from source_acumatica.odata.addresses import ODataAddresses
from source_acumatica.odata.answers import REFUSED_BY_SILENCE, read_metadata_answer, read_odata_answer
from source_acumatica.odata.codec import ODataAnswer, decode_answer
from source_acumatica.odata.linked_tables import LinkedTable, names_in_links
from source_acumatica.odata.metadata import BrokenMetadataError, Metadata, MetadataError, read_metadata
from source_acumatica.odata.pages import ODataPage, linked_pages
from source_acumatica.odata.resources import unaddressable
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.odata.unserved import Answered, unserved, unserved_links
from source_acumatica.reading.batches import pack
from source_acumatica.reading.fields import Raw

Answer = TypeVar("Answer")
Links = Mapping[str, LinkedTable]

_CHUNK_BYTES = 64 * 1024


def _read_page(
    response: requests.Response, decode: Callable[[bytes], ODataAnswer], columns: Collection[str], links: Links
) -> ODataPage:
    body = response.content
    if response.status_code == NO_CONTENT:
        return ODataPage([], 0, None)
    entity_set = decode(body)
    rows = entity_set.value
    answered = Answered(body, names_in_links(rows, links))
    silent = (*unserved(rows, answered, columns), *unserved_links(rows, answered, links))
    return ODataPage(rows, len(body), entity_set.next_link or entity_set.old_next_link, silent)


def _read_whole_list(response: requests.Response, decode: Callable[[bytes], ODataAnswer], links: Links) -> ODataPage:
    """The same while the answer arrives, for one that may have all rows of a list."""
    if response.status_code == NO_CONTENT:
        return ODataPage([], 0, None)
    size_bytes = 0
    silent: list[str] = []

    def decoded(text: bytes) -> Sequence[Any]:
        body = b'{"value":[%b]}' % text
        rows = decode(body).value
        silent.extend(unserved_links(rows, Answered(body, names_in_links(rows, links)), links))
        return rows

    def pieces() -> Iterator[bytes]:
        nonlocal size_bytes
        for piece in response.iter_content(_CHUNK_BYTES):
            size_bytes += len(piece)
            yield piece

    rows, rest = pack(refuse_beginning(pieces()), ["value"], decoded)
    entity_set = decode(rest)
    link = entity_set.next_link or entity_set.old_next_link
    return ODataPage(rows or entity_set.value, size_bytes, link, tuple(dict.fromkeys(silent)))


class ODataService:
    """The OData services of an instance."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._addresses = ODataAddresses(client)
        self._versions: dict[tuple[ODataFeed, str], int] = {}

    def version(self, feed: ODataFeed, tenant: str) -> int:
        """The version of OData that a service has, by its description; tables have always had version 4."""
        return self._versions.get((feed, tenant), 4)

    def now(self, tenant: str) -> datetime:
        """The server's clock at the tenant's first sign-in, or ours before it."""
        return self._client.server_time(tenant) or datetime.now(UTC)

    def root(self, feed: ODataFeed, tenant: str) -> str:
        """The address of a service below the instance."""
        return self._addresses.root(feed, tenant)

    def describe(self, tenant: str, feed: ODataFeed, is_wanted: Callable[[str, str], bool], **links: bool) -> Metadata:
        """The wanted part of a service's description, with ``links`` as ``read_metadata`` takes them; one download.

        Raises:
            AirbyteTracedException: the service is closed, or its description is broken or hostile.
        """
        where = f"Tenant '{tenant}', description of the OData {_CONTENTS[feed]}"

        def read(response: requests.Response) -> Metadata:
            try:
                return read_metadata(response.iter_content(_CHUNK_BYTES), is_wanted, **links)
            except BrokenMetadataError as error:
                raise BrokenAnswerError(str(error)) from None
            except MetadataError as error:
                msg = f"{where}: {error}. It is not read."
                raise config_error(msg) from None

        metadata = self._unless_it_stays_so(
            lambda problem: problem.status in CLOSED,
            _TRIES_AT_NOTHING,
            lambda: self._addresses.fetch(
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
        """The answer to ``ask``, which is asked again where a problem that looks lasting may pass.

        Raises:
            RequestFailed: the problem stays, or something else is wrong.
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
        links: Links = MappingProxyType({}),
    ) -> ODataPage:
        """The rows of one answer. ``is_query``: an empty body means that the ERP refuses to filter or sort.

        ``asks_again``: only a second empty body counts as that, since the first may be a passing failure. ``columns``
        and ``links`` are looked for in the answer. ``is_unbounded``: it may have any number of rows.
        """
        judge: Judge = partial(read_odata_answer, needed=_NEEDED[feed], is_query=is_query)
        # Whether a body is empty shows only when it is read as a whole.
        is_streamed = is_unbounded and not is_query
        tries = _TRIES_AT_SILENCE if asks_again else 1
        try:
            return self._unless_it_stays_so(
                lambda problem: problem == REFUSED_BY_SILENCE,
                tries,
                lambda: self._addresses.fetch(
                    tenant,
                    feed,
                    resource,
                    params,
                    read=partial(_read_whole_list, decode=decode, links=links)
                    if is_streamed
                    else partial(_read_page, decode=decode, columns=columns, links=links),
                    where=where,
                    headers=headers,
                    judge=or_no_content(of_its_head(judge) if is_streamed else judge),
                    is_page=is_page,
                    is_kept=not is_unbounded,
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
            AirbyteTracedException: it leads out of the service; the token is not sent there.
        """
        return self.rows(tenant, feed, self._addresses.resource_of(tenant, feed, link, resource), {}, **request)

    def all_rows(
        self, tenant: str, feed: ODataFeed, resource: str, params: Mapping[str, str], **request: Any
    ) -> list[Raw]:
        """The rows of an answer and of all that its links lead to."""
        first = self.rows(tenant, feed, resource, params, **request)
        return [row for rows in self.linked_rows(first, tenant, feed, resource, **request) for row in rows]

    def linked_rows(
        self, first: ODataPage, tenant: str, feed: ODataFeed, resource: str, **request: Any
    ) -> Iterator[Sequence[Any]]:
        """The rows of an answer and of those that its links lead to, answer by answer."""
        pages = linked_pages(first, lambda link: self.follow(tenant, feed, link, resource, **request), request["where"])
        return (page.rows for page in pages)


# A service's description is asked for so often before it counts as missing: with the pauses, for three seconds. A site
# that has just started answers 404 until it has registered its addresses, and a proxy in front of it may, too.
_TRIES_AT_NOTHING = 3
# An empty body to a filter or an order is a refusal; but with all seats taken, other bodies are empty, too.
_TRIES_AT_SILENCE = 2
CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""A service is not for this user, or does not exist; starting sites, proxies and firewalls answer so, too."""
_NEEDED = {
    ODataFeed.INQUIRIES: "view rights on the inquiry's form (Access Rights by Screen, SM201020)",
    ODataFeed.TABLES: "the role OData4 User (User Roles, SM201005)",
}
_CONTENTS = {ODataFeed.INQUIRIES: "inquiries", ODataFeed.TABLES: "tables"}
