"""Keeps what a tenant was read with, and says where the settings ask for more than has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from source_acumatica.config import Config
from source_acumatica.entity import format_instant

ReadWith = Mapping[str, Any]
"""By the names of the settings, what decides which rows and columns arrive; what is missing is not known."""
_INSTANCE, _ARCHIVED, _CUSTOM, _START = "instance_url", "include_archived", "include_custom_fields", "start_date"
_FILTER, _PARAMETERS = "row_filters", "inquiry_parameters"


def read_with(
    config: Config, *, condition: str, parameters: Sequence[Mapping[str, Any]] = (), has_custom: bool
) -> ReadWith:
    """What a stream is read with now; ``has_custom``: its custom fields come in a column of their own.

    ``parameters`` are those of an inquiry, once for each time that it is asked.
    """
    with_: dict[str, Any] = {
        _INSTANCE: _same_for_all_spellings(config.instance_url),
        _ARCHIVED: config.include_archived,
        _START: format_instant(config.start_date) if config.start_date else None,
        _FILTER: condition,
    }
    if has_custom:
        with_[_CUSTOM] = config.include_custom_fields
    if any(parameters):
        sets = [{name: str(value) for name, value in sorted(one.items())} for one in parameters]
        with_[_PARAMETERS] = sorted(sets, key=lambda one: [*one.items()])
    return with_


def _same_for_all_spellings(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.lower().removesuffix(":443")).geturl()


def another_instance(was: ReadWith, now: ReadWith) -> str | None:
    """Why the tenant cannot be gone on with, where what has arrived is another instance's; without a full stop.

    Rows of both would be mixed: a destination keeps the one with the later stamp, whichever instance it is of. An
    address is the same in any case of its letters, as it is for IIS.
    """
    if _INSTANCE not in was or was[_INSTANCE].lower() == now[_INSTANCE].lower():
        return None
    return (
        f"what has been read is of another instance ({was[_INSTANCE]}) than instance_url names now ({now[_INSTANCE]}), "
        "and the destination would mix the rows of both. Clear the stream's data, or refresh it and remove its "
        "records, which reads it from the new instance; or write the earlier address into instance_url"
    )


def asks_for_more(was: ReadWith, now: ReadWith) -> Iterator[str]:
    """A clause for each setting that asks for more than what the tenant was read with; for less, there is none.

    What was left out in between is not known: so after a setting was narrower for a time, all is read anew.
    """
    if was.get(_ARCHIVED) is False and now[_ARCHIVED]:
        yield "archived records are included now"
    if was.get(_CUSTOM) is False and now.get(_CUSTOM):
        yield "custom fields are included now"
    if was.get(_START) and (now[_START] is None or _instant(now[_START]) < _instant(was[_START])):
        yield "the start date is earlier now" if now[_START] else "there is no start date any more"
    if was.get(_FILTER) and now[_FILTER] != was[_FILTER]:
        yield "another row filter applies now" if now[_FILTER] else "no row filter applies any more"
    if _PARAMETERS in was and now.get(_PARAMETERS, []) != was[_PARAMETERS]:
        yield "the inquiry has other parameters now"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
