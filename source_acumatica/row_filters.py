"""Checks the user's row filters: each has to match a stream and be accepted by the ERP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import msgspec
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import list_options
from source_acumatica.contract.tables import Method, Table
from source_acumatica.erp.answers import NO_CONTENT, or_no_content, read_answer
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, Problem, RequestFailed, config_error
from source_acumatica.erp.json_text import decode
from source_acumatica.odata.answers import REFUSED_BY_SILENCE
from source_acumatica.odata.resources import first_row
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.reader import where_of
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# A pattern may stand for hundreds of streams: each costs a request in each tenant.
_MOST_TRIALS = 50


def refuse_unmatched_filters(
    settings: Config, tables: Iterable[Table | ODataTable], failed: Collection[ODataFeed] = ()
) -> None:
    """Refuse entries that match no stream that can be filtered, unless a service that failed may have it.

    Raises:
        AirbyteTracedException: a ``config_error`` that names them.
    """
    tables = list(tables)
    names = [table.name for table in tables if _can_be_filtered(table)]
    forms = {table.name for table in tables if not _can_be_filtered(table)}
    prefixes = tuple(feed.prefix for feed in failed)
    for one in settings.row_filters:
        may_be_unknown = bool(failed) and ("*" in one.stream or one.stream.startswith(prefixes))
        if any(map(one.is_for, names)) or may_be_unknown:
            continue
        if any(map(one.is_for, forms)):
            msg = (
                f"row_filters: {one.stream} is an inquiry form, whose results cannot be filtered: give it parameters "
                "(inquiry_parameters)."
            )
            raise config_error(msg)
        near = get_close_matches(one.stream, names, 1)
        hint = f" Do you mean {near[0]}?" if near else " Write it as the stream is called, or as a pattern with *."
        msg = f"row_filters: there is no stream {one.stream}.{hint}"
        raise config_error(msg)


def _can_be_filtered(table: Table | ODataTable) -> bool:
    return isinstance(table, ODataTable) or table.method is Method.LIST


@dataclass
class FilterTrial:
    """Asks for one row with each filter; an error that comes without the filter too is not about the filter."""

    client: Client
    service: ODataService
    settings: Config
    may_try: Callable[[], bool] = lambda: True
    """Whether there is time to try another one."""
    _asked: set[tuple[str, str, str]] = field(default_factory=set)

    def of_all(self, tables: Mapping[str, Sequence[Table | ODataTable]]) -> None:
        """Try the filters of all tenants' tables.

        Raises:
            AirbyteTracedException: the ERP refuses some, in its own words.
        """
        refusals: list[str] = []
        for tenant, own in tables.items():
            filtered = [replace(one, condition=self.settings.condition(one.name)) for one in own]
            concerned = [one for one in filtered if one.condition and _can_be_filtered(one)]
            if not concerned:
                continue
            with self.client.reading(tenant):
                for number, table in enumerate(concerned):
                    if number == _MOST_TRIALS or not self.may_try():
                        rest = len(concerned) - number
                        logger.info(f"Tenant '{tenant}': the row_filters of {rest} more streams were not tried.")
                        break
                    refusals += filter(None, [self._refusal(tenant, table)])
        if refusals:
            raise config_error("\n".join(refusals))

    def _refusal(self, tenant: str, table: Table | ODataTable) -> str | None:
        """Why the ERP refuses the filter; None if it does not."""
        address = table.url_path if isinstance(table, Table) else table.name
        if (tenant, address, table.condition) in self._asked:
            return None
        self._asked.add((tenant, address, table.condition))
        found = self._tried(tenant, table)
        if found is True:
            return None
        bare = self._tried(tenant, replace(table, condition=""))
        if found == REFUSED_BY_SILENCE and not isinstance(bare, Problem):
            # The empty answer may have meant a lack of seats; the request without the filter has waited for one since.
            found = self._tried(tenant, table)
        if isinstance(found, Problem) and not isinstance(bare, Problem):
            return f"{_about(tenant, table)} is refused: {found.sentence}."
        if found is False and bare is True:
            logger.warning(f"{_about(tenant, table)} {_FINDS_NONE}")
        return None

    def warn_if_blind(self, tenant: str, table: Table | ODataTable) -> None:
        """Warn if a filter that returned no rows misses rows that exist; this is a hint, so failures are ignored."""
        if not table.condition or not _can_be_filtered(table):
            return
        try:
            self._refusal(tenant, table)
        except RequestFailed:
            # The rows themselves have been read.
            return

    def _tried(self, tenant: str, table: Table | ODataTable) -> Problem | bool:
        """Whether the request is answered with a row, or why it is refused.

        Raises:
            RequestFailed: it failed for another reason.
        """
        try:
            return self._has_a_row(tenant, table)
        except RequestFailed as error:
            if error.problem.action not in (Action.STOP, Action.ASK_FOR_LESS, Action.SKIP):
                raise
            return error.problem

    def _has_a_row(self, tenant: str, table: Table | ODataTable) -> bool:
        where = where_of(tenant, table.name)
        if isinstance(table, Table):
            only_keys = list_options(table, Plan(is_by_record=True), None, Window())
            options = {**only_keys, "$top": "1"}
            judge = or_no_content(read_answer)
            return self.client.fetch(tenant, table.url_path, options, read=_has_rows, where=where, judge=judge)
        version = self.service.version(table.feed, tenant)
        try:
            given = self.settings.parameter_sets(table.title)[0]
            resource, options = first_row(tenant, table, given, version)
        except AirbyteTracedException:
            # Values for its parameters are missing, which has been reported; without them it cannot be asked.
            return True
        page = self.service.rows(tenant, table.feed, resource, options, where=where, is_query=bool(table.condition))
        return bool(page.rows)


def warn_if_blind(client: Client, service: ODataService, settings: Config, tenant: str, table: StreamTable) -> None:
    """Warn if the filter of a table that returned no rows misses rows that exist."""
    if isinstance(table, Table | ODataTable):
        FilterTrial(client, service, settings).warn_if_blind(tenant, table)


def _has_rows(response: requests.Response) -> bool:
    return response.status_code != NO_CONTENT and bool(decode(_DOCUMENT, response.content))


def _about(tenant: str, table: Table | ODataTable) -> str:
    return f"row_filters: {where_of(tenant, table.name)}: the filter {table.condition[1:-1]}"


_FINDS_NONE = (
    "finds none of the rows that there are. If that cannot be, write it otherwise: some forms answer a condition on a "
    "field that is no key with no rows."
)
_DOCUMENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
