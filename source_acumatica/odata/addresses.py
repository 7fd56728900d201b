"""Finds the addresses of an instance's OData services by asking there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import requests

from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, Problem, RequestFailed, config_error
from source_acumatica.odata.links import below
from source_acumatica.odata.query import Generation
from source_acumatica.odata.tables import ODataFeed

logger = logging.getLogger("airbyte")
Answer = TypeVar("Answer")

_SIGN_IN_PAGE = 302
"""The status that stands for any page in place of data, where an address may be unknown."""
# What is answered by a service that is there, if only to refuse.
_FOUND = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class ODataAddresses:
    """The addresses of the instance's OData services; the first request finds out of which generation they are."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._generation: Generation | None = None
        self._behind_pages: dict[ODataFeed, Generation] = {}
        """Services whose newer address shows only the sign-in page; that may pass, so the others are left alone."""

    def root(self, feed: ODataFeed, tenant: str) -> str:
        """The address of a service below the instance."""
        generation = self._behind_pages.get(feed) or self._generation or Generation.TENANT_FIRST
        return generation.root(feed, tenant)

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
        """Ask below a service's root; where that is not known yet, at the address of each generation in turn.

        A build answers an address that it does not know with 404 or, some builds, with their sign-in: a redirect to its
        page, the page itself, or 401. A site in maintenance answers every address like that, so only an address that
        answers something else is taken for the right one.

        Raises:
            RequestFailed: the request failed for good, or neither address exists.
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
        if refusal.problem.status == HTTPStatus.NOT_FOUND:
            return self._at_the_older(partial(ask, first, **once), ask(last, **request))
        if refusal.problem.status in (HTTPStatus.UNAUTHORIZED, _SIGN_IN_PAGE):
            return self._behind_a_page(feed, refusal, partial(ask, first), partial(ask, last), request, once)
        if refusal.problem.status in _FOUND:
            self._generation = first
        raise refusal

    def _at_the_older(self, ask_first: Callable[[], Answer], answer: Answer) -> Answer:
        """The ``answer`` of the older address, unless the newer one, asked once more, exists after all."""
        self._client.pause(1)
        try:
            return self._found(Generation.TENANT_FIRST, ask_first())
        except RequestFailed as error:
            if error.problem.status != HTTPStatus.NOT_FOUND:
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
        """The answer of the older address, where the newer one shows only the sign-in, twice in a row."""
        try:
            answer = ask_last(**once)
        except RequestFailed:
            if refusal.problem.status == _SIGN_IN_PAGE:
                return self._found(Generation.TENANT_FIRST, ask_first(**request))
            raise refusal from None
        try:
            return self._found(Generation.TENANT_FIRST, ask_first(**once))
        except RequestFailed as error:
            if error.problem.status not in (HTTPStatus.UNAUTHORIZED, _SIGN_IN_PAGE):
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

    def resource_of(self, tenant: str, feed: ODataFeed, link: str, resource: str = "") -> str:
        """What a link leads to below the service's root, as path and query.

        It may be relative. An absolute one may have the scheme, host, port and directory that the server has behind a
        proxy; none of these are used. The path may be spelt differently from ours.

        Raises:
            AirbyteTracedException: it leads out of the service.
        """
        root = self.root(feed, tenant)
        found = below(root, link)
        if found is None:
            url = f"{self._client.instance_url}{root}"
            msg = f"Tenant '{tenant}': OData's link to the next page leads off {url}; it is not followed."
            raise config_error(msg)
        return f"{resource}{found}" if found.startswith("?") else found


def _without_retries(
    judge: Callable[[requests.Response], Problem | None], response: requests.Response
) -> Problem | None:
    """``judge`` for an address that may not exist: a page instead of data is not asked for again."""
    problem = judge(response)
    if problem and problem.action is Action.RETRY and (response.status_code < 400):
        return replace(problem, action=Action.STOP, status=_SIGN_IN_PAGE)
    return problem
