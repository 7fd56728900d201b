"""Checks the state that a read is given: it may be another connector's, or edited by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from airbyte_cdk.models import (
    AirbyteGlobalState,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    ConfiguredAirbyteStream,
    SyncMode,
)
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import config_error
from source_acumatica.reading.fields import utc_instant
from source_acumatica.reading.learnt import LEARNT

logger = logging.getLogger("airbyte")

UNREADABLE = AirbyteStateMessage(
    type=AirbyteStateType.GLOBAL,
    global_=AirbyteGlobalState(stream_states=[], shared_state=AirbyteStateBlob()),
)
"""Stands for a file that holds no states of streams: it reaches the read, which can report each as incomplete."""
_AGAIN = (
    "Clear the stream's data in Airbyte, which reads it again in full, or give it back the state that this connector "
    "wrote"
)


class ForeignStateError(ValueError):
    """A read cannot continue from the state; the text is a sentence without its full stop."""


def manager_of(states: Sequence[AirbyteStateMessage] | None) -> ConnectorStateManager:
    """The states of streams that are among ``states``.

    Raises:
        AirbyteTracedException: there is a state of all streams together, which this connector never writes.
    """
    for one in states or ():
        if one.data:
            logger.warning("The state is of an old kind that this connector never wrote (LEGACY): all is read again.")
        if one.type is AirbyteStateType.GLOBAL and one.global_ and one.global_.shared_state:
            message = (
                "The state is not one of this connector: it does not tell the streams apart. Clear the connection's "
                "data in Airbyte, which reads it again in full, or give it back the state that this connector wrote."
            )
            raise config_error(message)
    return ConnectorStateManager([*(states or ())])


def state_of(
    states: ConnectorStateManager, configured: ConfiguredAirbyteStream
) -> tuple[dict[str, Any] | None, AirbyteTracedException | None]:
    """The state that an incremental read of the stream continues from, or why it cannot."""
    name = configured.stream.name
    given = states.get_stream_state(name, None) if configured.sync_mode is SyncMode.incremental else {}
    if says_nothing(given):
        logger.warning(f"Stream {name}: its state is not one of this connector, so all is read again.")
    try:
        return understood(given), None
    except ForeignStateError as error:
        return None, config_error(f"Stream {name}: {error}.")


def cursors(configured: ConfiguredAirbyteStream, state: Mapping[str, Any] | None) -> Iterator[str]:
    """The columns that may be the cursor of a stream which no tenant describes."""
    yield from configured.cursor_field or ()
    yield from configured.stream.default_cursor_field or ()
    yield from (name for part in (state or {}).get("states", ()) for name in part["cursor"])


def understood(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of one stream, its instants in UTC; without parts it is empty, so that all is read.

    Raises:
        ForeignStateError: it has parts that are not tenants', or not in the form that this connector writes.
    """
    parts = state.get("states")
    if parts is None:
        return {}
    if not isinstance(parts, list):
        reason = "it has no list of tenants"
        raise _foreign(reason)
    return {**state, "states": [_part(part) for part in parts]}


def says_nothing(state: Mapping[str, Any]) -> bool:
    """Whether there is a state with positions in it, none of which are a tenant's."""
    return "states" not in state and any(not name.startswith("__") for name in state)


def _part(part: Any) -> dict[str, Any]:
    partition = part.get("partition") if isinstance(part, dict) else None
    tenant = partition.get("tenant") if isinstance(partition, dict) else None
    if not isinstance(tenant, str):
        reason = "a part of it names no tenant"
        raise _foreign(reason)
    own = dict(part)
    cursor = part.get("cursor", {})
    if not isinstance(cursor, dict):
        raise _broken(tenant, "cursor", cursor, "an object with the name of the column and a time")
    own["cursor"] = {name: _instant(tenant, "cursor", value) for name, value in cursor.items()}
    if "unproven" in part:
        unproven = part["unproven"]
        if not isinstance(unproven, dict):
            raise _broken(tenant, "unproven", unproven, "an object with a time for the values of an inquiry")
        own["unproven"] = {name: _instant(tenant, "unproven", value) for name, value in unproven.items()}
    for name in _INSTANTS:
        if name in part:
            own[name] = _instant(tenant, name, part[name])
    rereading = part.get("rereading")
    checks = chain(_findings(part), _place(part.get("reading")), _rereading(rereading))
    for name, value, is_right, form in checks:
        if not is_right(value):
            raise _broken(tenant, name, value, form)
    if rereading:
        own["rereading"] = {**rereading, "at": utc_instant(rereading["at"])}
    return own


_INSTANTS = (
    "sure",
    "deletions",
    "deletions_asked",
    "newest",
    "lag_at",
    "own_latest",
    "listed",
    "compared",
    "ahead",
    "linked",
)
_TIME = "a time, such as 2026-11-30T00:00:00Z"


def _findings(part: Mapping[str, Any]) -> Iterator[tuple[str, Any, Callable[[Any], bool], str]]:
    """What was learnt about the ERP, and the settings: names, values, what a value may be, in code and in words."""
    for name in LEARNT:
        yield name, part.get(name), lambda value: isinstance(value, bool) or _is_instant(value), _TIME
    for name in ("lag", "own_lag", "allowed"):
        yield name, part.get(name, 0), _is_span, "a number of seconds"
    for name in ("has_unstamped", "is_kept", "is_due"):
        yield name, part.get(name, False), _is_flag, "true or false"
    for name in ("left_out", "columns", "custom", "followed"):
        yield name, part.get(name, []), _is_list_of_texts, "a list of names"
    for name in ("held", "sent", "removed", "questioned", "compared_with"):
        yield name, part.get(name, ""), lambda value: isinstance(value, str), "a text"
    yield "brought", part.get("brought", {}), _is_texts, "an object with texts"
    yield "kept_days", part.get("kept_days", 0), _is_count, "a number of days"
    yield "read_with", part.get("read_with", {}), lambda value: isinstance(value, dict), "an object"


def _place(reading: Any, where: str = "reading") -> Iterator[tuple[str, Any, Callable[[Any], bool], str]]:
    """The place that a sync which was cut off had reached: names, values, what a value may be, in code and in words."""
    yield where, reading, _is_object, "an object"
    if reading:
        for name in ("since", "until"):
            yield f"{where}.{name}", reading.get(name), _is_instant, _TIME
        yield f"{where}.offset", reading.get("offset", 0), _is_count, "a number of rows"
        yield f"{where}.anchors", reading.get("anchors", []), _is_list_of_lists, "a list of lists"
        yield f"{where}.after", reading.get("after", []), lambda value: isinstance(value, list), "a list"
        yield f"{where}.list", reading.get("list", ""), lambda value: isinstance(value, str), "the name of a list"
        yield f"{where}.unstamped", reading.get("unstamped", False), _is_flag, "true or false"


def _rereading(rereading: Any) -> Iterator[tuple[str, Any, Callable[[Any], bool], str]]:
    """How far all rows have been read again: names, values, what a value may be, in code and in words."""
    yield "rereading", rereading, _is_object, "an object"
    if rereading:
        at = rereading.get("at")
        yield "rereading.at", at, lambda value: value is not None and _is_instant(value), _TIME
        yield "rereading.rows", rereading.get("rows", 0), _is_count, "a number of rows"
        yield "rereading.ahead", rereading.get("ahead", 0), _is_whole, "a number of rows"
        yield from _place(rereading.get("place"), "rereading.place")


def _is_object(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_span(value: Any) -> bool:
    """A number of seconds that a ``timedelta`` can hold."""
    return _is_whole(value) and abs(value) <= _LONGEST_SPAN_SECONDS


_LONGEST_SPAN_SECONDS = timedelta.max.total_seconds()


def _is_count(value: Any) -> bool:
    return _is_whole(value) and bool(value >= 0)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(inner, str) for inner in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())


def _is_list_of_lists(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(inner, list) for inner in value)


def _is_instant(value: Any) -> bool:
    try:
        return value is None or (isinstance(value, str) and utc_instant(value) is not None)
    except ValueError:
        return False


def _instant(tenant: str, name: str, value: Any) -> str | None:
    if not _is_instant(value):
        raise _broken(tenant, name, value, _TIME)
    return utc_instant(value)


def _foreign(reason: str) -> ForeignStateError:
    return ForeignStateError(f"its state was not written by this connector: {reason}. {_AGAIN}")


def _broken(tenant: str, name: str, value: Any, form: str) -> ForeignStateError:
    shown = repr(value)[:60]
    return ForeignStateError(f"in its state, {name} of tenant '{tenant}' is {shown}, where {form} belongs. {_AGAIN}")
