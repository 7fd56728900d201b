"""Proves that each tenant can be read with the settings, within the time that a check may take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.contract.discovery import Depth, describe
from source_acumatica.contract.form_hints import parameter_errors, warn_of_forms
from source_acumatica.contract.forms import Forms
from source_acumatica.contract.query import probe_options
from source_acumatica.contract.site import Site, together
from source_acumatica.contract.tables import Method, Table
from source_acumatica.deadline import Budget
from source_acumatica.erp.answers import or_no_content, read_answer
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, RequestFailed, config_error, message_of
from source_acumatica.odata.discovery import ODataSurvey, is_closed
from source_acumatica.odata.refused_links import closed_links, refused_links
from source_acumatica.odata.resources import first_row
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.reader import where_of
from source_acumatica.row_filters import FilterTrial, refuse_unmatched_filters

logger = logging.getLogger("airbyte")

# Light forms first, and then one or two of each module: a role may have the rights of one module only.
_PREFERRED = (
    "Ledger", "Salesperson", "Warehouse", "Customer", "Vendor", "StockItem", "Contact", "Account", "BusinessAccount",
    "Employee", "Bill", "Invoice", "PurchaseOrder", "SalesOrder", "Project", "Case", "Lead", "Payment", "Check",
    "JournalTransaction", "NonStockItem", "Shipment", "PurchaseReceipt", "ServiceOrder", "ExpenseClaim", "TimeEntry",
    "Tax", "PayGroup", "ProjectTask", "BillOfMaterial", "ProductionOrder", "WorkCenter",
)  # fmt: skip
# Tried however little time is left.
_FEWEST_PROBES = 5
_PROBE_SECONDS = 20.0
# The parts of a check's time after which no more of each kind is begun; the rest is for what is under way.
_EXTRAS_UNTIL, _ALL_UNTIL, _FILTERS_UNTIL, _SIGN_INS_UNTIL = 0.4, 0.5, 0.7, 0.85
_MOST_HINTS, _MOST_PROOFS, _MOST_FILTERS = 20, 40, 100
# What looking at a tenant takes of the allowed rate: five requests at least, and a sign-out.
_ROOM_FOR_A_VISIT = 6
_MOST_NAMES = 5


def prove(client: Client, settings: Config, forms: Forms, seconds: float) -> None:
    """Prove for each tenant: address, sign-in, endpoints, a cheap read, and whatever the settings name.

    It takes at most ``seconds``. If there are many tenants, the last ones are only signed in to, or not tried, and the
    log says so; hints for the user get only a small part of the time.

    Raises:
        AirbyteTracedException: it names everything that failed.
    """
    proof = Proof(client, settings, forms, seconds)
    site = describe(
        client,
        settings.tenants,
        settings.endpoints,
        prove=proof.visit,
        forms=forms,
        depth=proof.depth,
        has_files=settings.include_attachments,
    )
    site.raise_what_failed()
    survey = proof.survey
    survey.check_parameters()
    complaints = [*survey.complaints, *parameter_errors(site.own, settings, survey.titles)]
    if complaints:
        raise together(complaints)
    declared: list[Table | ODataTable] = [*site.tables, *survey.tables.values()]
    failed = {feed for _tenant, feed in survey.failures}
    _unless_unknown(site, lambda: survey.refuse_unmatched(forms))
    _unless_unknown(site, lambda: refuse_unmatched_filters(settings, declared, failed))
    own: dict[str, list[Table | ODataTable]] = {
        tenant: [*tables.values(), *survey.own[tenant].values()] for tenant, tables in site.own.items()
    }
    FilterTrial(client, proof.service, settings, proof.filters.take).of_all(own)
    _warn(site, settings)


def _unless_unknown(site: Site, refuse: Callable[[], None]) -> None:
    """Call ``refuse``, which raises for names that nothing has; only warn if a tenant that was not looked at may."""
    try:
        refuse()
    except AirbyteTracedException as error:
        if not (site.signed_in_only or site.untried):
            raise
        logger.warning(f"{message_of(error)} (of the tenants that there was time for).")


def _warn(site: Site, settings: Config) -> None:
    if site.signed_in_only:
        logger.warning(f"There was only time to sign in to {', '.join(site.signed_in_only)}; syncs do the rest.")
    if site.untried:
        logger.warning(f"There was no time to try {', '.join(site.untried)}; syncs say if something is wrong there.")
    chosen = ", ".join(str(endpoint) for endpoint in site.endpoints)
    logger.info(f"{len(settings.tenants) - len(site.untried)} tenant(s) answer. Endpoints: {chosen}.")


class Proof:
    """Looks at each tenant, within a limited number of requests."""

    def __init__(self, client: Client, settings: Config, forms: Forms, seconds: float) -> None:
        self._client, self._settings, self._seconds, self._began = client, settings, seconds, time.monotonic()
        self._tenants_left = len(settings.tenants)
        self._visit_began = self._longest = 0.0
        self._hints = Budget(_MOST_HINTS, seconds * _EXTRAS_UNTIL, self._room)
        self._proofs = Budget(_MOST_PROOFS, seconds * _EXTRAS_UNTIL, self._room)
        self.filters = Budget(_MOST_FILTERS, seconds * _FILTERS_UNTIL, self._room)
        self.service = ODataService(client)
        self.survey = ODataSurvey(self.service, settings, may_hint=self._hints.take)

    def depth(self) -> Depth:
        """How thoroughly to look at the next tenant; the first one is looked at in any case."""
        spent, room = (time.monotonic() - self._began) / self._seconds, self._client.room()
        is_first = self._tenants_left == len(self._settings.tenants)
        self._tenants_left -= 1
        self._longest, self._visit_began = max(self._longest, spent - self._visit_began), spent
        is_time = spent < _ALL_UNTIL and spent + self._longest < _SIGN_INS_UNTIL
        if is_first or (is_time and room >= _ROOM_FOR_A_VISIT):
            return Depth.ALL
        return Depth.SIGN_IN if spent < _SIGN_INS_UNTIL and room >= 1 else Depth.NOTHING

    def visit(self, tenant: str, tables: Sequence[Table]) -> None:
        """Prove that something of the endpoints, and each name of the settings, may be read.

        Raises:
            AirbyteTracedException: nothing may be read, or the tenant does not answer.
        """
        refused = self._refused(tenant, tables)
        self.survey.visit(tenant, {table.dac for table in tables if not table.path})
        is_open = any([self._may_read_one(tenant, some, is_named=True) for some in self.survey.named(tenant)])
        for table in self.survey.able(tenant):
            self._try_links(tenant, table)
        if refused and not is_open:
            is_open = self._may_read_one(tenant, self.survey.able(tenant)[:_FEWEST_PROBES], is_named=False)
        if refused:
            refused.judge(tenant, is_open=is_open)
        warn_of_forms(self._client, tenant, tables, self._hints.take)
        if self._settings.track_deletions:
            self.survey.report_tracking(tenant)

    def _room(self) -> float:
        """How many requests the allowed rate leaves after those that the other tenants need."""
        return self._client.room() - _ROOM_FOR_A_VISIT * self._tenants_left

    def _refused(self, tenant: str, tables: Sequence[Table]) -> Refused | None:
        """None once the list of an entity answers: light ones are tried first, then others while there is time."""
        listed = [table for table in tables if table.method is Method.LIST and not table.path]
        until = time.monotonic() + min(_PROBE_SECONDS, self._seconds * _EXTRAS_UNTIL)
        refused = Refused(len(listed), {table.entity for table in listed} & {*_PREFERRED})
        for number, table in enumerate(sorted(listed, key=_preference)):
            is_more = number >= _FEWEST_PROBES
            if is_more and (time.monotonic() > until or self._room() < 1):
                break
            if self._may_list(tenant, table, refused, is_more=is_more):
                return None
        return refused if refused.names else None

    def _may_list(self, tenant: str, table: Table, refused: Refused, *, is_more: bool) -> bool:
        """Whether the entity's list answers.

        That an entity cannot be listed counts as an answer, since it can be read in another way; but not if it is
        one more than the fewest that are tried (``is_more``).

        Raises:
            RequestFailed: it failed for another reason than missing rights, and not with ``is_more``.
        """
        refused.asked.add(table.entity)
        try:
            self._client.fetch(
                tenant,
                table.url_path,
                probe_options(table),
                read=lambda _response: None,
                where=f"Tenant '{tenant}', a first read of {table.entity}",
                judge=or_no_content(read_answer),
                is_hint=is_more,
            )
        except RequestFailed as error:
            if error.problem.action in (Action.STOP, Action.SKIP):
                refused.note(table.entity, error)
            elif not is_more and error.problem.action is not Action.ASK_FOR_LESS:
                raise
            return error.problem.action is Action.ASK_FOR_LESS and not is_more
        return True

    def _may_read_one(self, tenant: str, tables: Sequence[ODataTable], *, is_named: bool) -> bool:
        """Whether one of the tables answers; if all that a name of the settings matches are closed, note an error."""
        closed: list[RequestFailed] = []
        for table in tables:
            if not self._proofs.take():
                return False
            try:
                self._read_row(tenant, table)
            except RequestFailed as error:
                closed += [error] if is_closed(error) else []
            else:
                return True
        if is_named and closed and len(closed) == len(tables):
            self.survey.complaints.append(closed[0])
        return False

    def _try_links(self, tenant: str, table: ODataTable) -> None:
        """Note an error for the links to other tables that are wanted and that the ERP refuses to follow."""
        if not (table.links and self._proofs.take()):
            return
        try:
            bad = refused_links(tuple(table.links), partial(self._read_row, tenant, table))
        except RequestFailed as error:
            logger.info(f"{message_of(error)}. Whether its linked columns can be read was not found out.")
        else:
            self.survey.complaints += [closed_links(where_of(tenant, table.name), bad)] if bad else []

    def _read_row(self, tenant: str, table: ODataTable, links: Sequence[str] = ()) -> None:
        version = self.service.version(table.feed, tenant)
        given = self._settings.parameter_sets(table.title)[0]
        resource, options = first_row(tenant, table, given, version, links)
        self.service.rows(tenant, table.feed, resource, options, where=where_of(tenant, table.name), is_hint=True)


@dataclass
class Refused:
    """The entities that the user may not read, out of ``count``."""

    count: int
    typical: set[str]
    """Common entities: hardly any role may read none of them."""
    asked: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    """Those that are refused."""
    sentence: str = ""

    def note(self, name: str, error: RequestFailed) -> None:
        """Note that another one is refused."""
        self.names.append(name)
        self.sentence = error.problem.sentence

    def judge(self, tenant: str, *, is_open: bool) -> None:
        """Say what was refused; ``is_open``: something else may be read.

        Raises:
            AirbyteTracedException: a ``config_error``, where neither that nor the typical entities may be read.
        """
        named, rest = ", ".join(self.names[:_MOST_NAMES]), len(self.names) - _MOST_NAMES
        more = f" and {rest} more" if rest > 0 else ""
        untried = f" (of {self.count} in all)" if len(self.names) < self.count else ""
        said = (
            f"Tenant '{tenant}': signing in works, but none of {named}{more}{untried} may be read. Give the user a "
            f"role with view rights on the forms to sync. The last refusal: {self.sentence}"
        )
        is_sure = self.typical <= self.asked if self.typical else len(self.asked) == self.count
        if is_sure and not is_open:
            raise config_error(said)
        what = " What OData has can be read." if is_open else " What else there is was not tried."
        logger.warning(f"{said}.{what}")


def _preference(table: Table) -> int:
    return _PREFERRED.index(table.entity) if table.entity in _PREFERRED else len(_PREFERRED)
