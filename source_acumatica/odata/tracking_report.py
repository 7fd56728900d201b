"""Reports which of the tables whose deletions are wanted the ERP tracks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.deletions import Deletions, NotTrackedError, sets_of
from source_acumatica.odata.metadata import EntitySet
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import DELETED_FLAG, NOTE_ID, ODataTable
from source_acumatica.odata.tracking import TRACKING_FORM, History, Tracking

logger = logging.getLogger("airbyte")

# A check asks of at most this many tables whether they are tracked: each costs a request.
_MOST_TRACKING_PROBES = 25


def trackable(tables: Sequence[ODataTable], behind_forms: Mapping[str, EntitySet | None]) -> list[tuple[str, ...]]:
    """The tables, by the names of their entity sets, whose deletions can be read only if the ERP tracks them."""
    own: list[tuple[str, ...]] = [(table.title,) for table in tables if table.is_tracked and not table.has_flags]
    behind = [
        sets_of(dac)
        for dac, entity_set in behind_forms.items()
        if entity_set is not None
        and NOTE_ID in entity_set.fields
        and DELETED_FLAG not in {*entity_set.fields, *entity_set.restricted}
    ]
    by_name: dict[str, tuple[str, ...]] = {sets[-1]: sets for sets in [*behind, *own]}
    return list(by_name.values())


def report_tracking(
    service: ODataService, tenant: str, wanted: Sequence[Sequence[str]], may_hint: Callable[[], bool]
) -> None:
    """Log which of the tables whose deletions are wanted are tracked, since when, and for how long."""
    where = f"Tenant '{tenant}', deleted records"
    history = Tracking(service).history(tenant)
    # Where the ERP does not list the tracked tables, each costs a request.
    asked = wanted if history.added is not None else wanted[-_MOST_TRACKING_PROBES:]
    rest = len(wanted) - len(asked)
    tracked: list[str] = []
    untracked: list[str] = []
    doubtful: list[str] = []
    for sets in asked:
        is_tracked = history.lists(sets)
        if is_tracked is None and not may_hint():
            rest += 1
            continue
        if is_tracked is None:
            is_tracked = _is_tracked(Deletions(tenant, service, sets, where))
        (doubtful if is_tracked is None else tracked if is_tracked else untracked).append(sets[-1])
    if untracked:
        names = ", ".join(untracked)
        logger.warning(f"{where}: not tracked: {names}. To have those read too, list them on {TRACKING_FORM}.")
    if doubtful:
        logger.warning(
            f"{where}: the ERP lists no deletions of these, and they may not be tracked: {', '.join(doubtful)}. "
            f"See whether they are on {TRACKING_FORM}."
        )
    more = f" {rest} more tables were not asked." if rest else ""
    logger.info(f"{where}: tracked: {', '.join(tracked) or 'none'}.{more}")
    _log_limits(where, history, wanted)


def _is_tracked(deletions: Deletions) -> bool | None:
    """Whether a table's deletions can be read, as it may be closed to all; None where an empty list says nothing."""
    try:
        return deletions.has_entries() or None
    except NotTrackedError:
        return False
    except RequestFailed as error:
        if error.problem.action is not Action.STOP:
            raise
        return False


def _log_limits(where: str, history: History, wanted: Sequence[Sequence[str]]) -> None:
    """Log since when and for how long deletions are kept: a connection that pauses for longer misses some."""
    since = [f"{sets[-1]} since {at}" for sets in wanted if (at := history.added_at(sets))]
    known = f" Deletions are kept of {', '.join(since)}." if since else ""
    logger.info(
        f"{where}: the ERP lists them for {history.kept} ({TRACKING_FORM}).{known} After a longer pause between two "
        "syncs, refresh the streams."
    )
