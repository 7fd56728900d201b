"""Checks, tenant by tenant, whether the keys in the descriptions of inquiries identify their rows."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from airbyte_cdk.models import FailureType

from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.key_probe import KeyProbe
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.reader import where_of

logger = logging.getLogger("airbyte")

# An inquiry's keys are checked with at most this many combinations of values for its parameters.
_MOST_PROBED_SETS = 20


class InquiryKeys:
    """What the rows of inquiries have shown of their keys in all tenants."""

    def __init__(self, service: ODataService, config: Config) -> None:
        self._service, self._config = service, config
        self._tried: set[str] = set()
        self._untried: set[str] = set()
        """Streams of inquiries whose keys could, and could not, be checked in some tenant."""
        self._shown: set[str] = set()
        """Streams that have shown rows."""

    @property
    def untried(self) -> Collection[str]:
        """The streams whose keys could be checked in no tenant."""
        return self._untried - self._tried

    def may_be_unique(self, tenant: str, table: ODataTable, *, can_be_asked: bool) -> bool:
        """Whether no row contradicts the keys, or no row could be read.

        Raises:
            RequestFailed: a passing failure; whether the keys identify rows stays unknown.
        """
        are_unique = self._are_unique(tenant, table) if can_be_asked else None
        (self._untried if are_unique is None else self._tried).add(table.name)
        return are_unique is not False

    def _are_unique(self, tenant: str, table: ODataTable) -> bool | None:
        """Whether the keys identify the rows; None where the rows cannot be read.

        After a failure that may pass, it is asked once more when the service has answered something else: if that fails
        too, it is this inquiry that fails, and not the service.
        """
        try:
            return self._do_keys_identify(tenant, table)
        except RequestFailed as error:
            first = error
        if first.problem.action is Action.THROTTLED:
            raise first
        if first.problem.failure_type is not FailureType.transient_error:
            # A read ends with the same error.
            logger.warning(f"{first.message}. As long as this is so, reading it fails, and its keys are not known.")
            return None
        self._service.describe(tenant, table.feed, lambda _title, _type: False)
        try:
            # A time-out takes eleven minutes.
            if first.problem.status or first.problem.action is not Action.FEWER_ROWS:
                return self._do_keys_identify(tenant, table)
        except RequestFailed as error:
            if error.problem.action is Action.THROTTLED:
                raise
        logger.warning(
            f"{first.message}, and the service answers other requests meanwhile. Its keys are not known, and reading "
            "it may fail. To leave it out, name the others in generic_inquiries."
        )
        return None

    def _do_keys_identify(self, tenant: str, table: ODataTable) -> bool:
        """Whether the keys identify the rows that were read, for each of the first combinations of parameters.

        Raises:
            RequestFailed: the rows cannot be read.
        """
        sets = self._config.parameter_sets(table.title)[:_MOST_PROBED_SETS]
        doubts = (self._doubt_of(KeyProbe(self._service, tenant, table, given)) for given in sets)
        doubt = next(filter(None, doubts), "")
        if doubt:
            keys = ", ".join(table.keys)
            logger.info(
                f"{where_of(tenant, table.name)}: {keys} do not identify its rows ({doubt}), so it has no primary key."
            )
        return not doubt

    def _doubt_of(self, probe: KeyProbe) -> str:
        doubt = probe.doubt()
        if probe.has_rows:
            self._shown.add(probe.table.name)
        return doubt

    def warn_of_unseen(self, tables: Mapping[str, ODataTable]) -> None:
        """Warn, when all tenants have been asked, of the keys that no row has confirmed.

        They stay the primary keys: a list of open tasks is empty now and then, and its key must not come and go.
        """
        for name in sorted(self._tried - self._shown):
            if tables[name].primary_key:
                logger.warning(
                    f"{name}: it shows no rows today, so whether its primary key identifies them is only what its "
                    "description says. Each sync checks the key against the rows that come."
                )
