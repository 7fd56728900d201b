"""Compares the settings of today with those that a tenant was read with."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from source_acumatica.config import Config
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.marks import mark_of

ReadWith = Mapping[str, Any]
"""The settings that decide which rows and columns arrive, by name; one that is missing is unknown."""
_INSTANCE, _ARCHIVED, _CUSTOM, _START = "instance_url", "include_archived", "include_custom_fields", "start_date"
_FILTER, _PARAMETERS, _USER, _ODATA = "row_filters", "inquiry_parameters", "username", "odata_version"
_DESIGNED, _ABSENT, _FILES = "designed_at", "absent_columns", "include_files"
_HAS_IDS, _IDS_IN_ROWS, _IDS_IN_KEYS, _NAMED = "choices_by_id", "choices_in_rows", "choices_in_keys", "choices_named"
# Only compared with what was absent, and not kept.
_PRESENT = "present_columns"
# The state has only the beginning of the hash of a user's name: enough to see that it is another one.
_OF_ROWS = (_INSTANCE, _ARCHIVED, _START, _FILTER, _PARAMETERS, _USER, _DESIGNED)
_NONE = [dict[str, str]()]


def start_of(config: Config) -> str | None:
    """The start date, as windows and states have it; None without one."""
    return format_instant(config.start_date) if config.start_date else None


def read_with(
    config: Config,
    tenant: str,
    *,
    condition: str,
    parameters: Sequence[Mapping[str, Any]] = (),
    absent: Sequence[str] = (),
    present: Collection[str] = (),
    has_custom: bool,
    odata_version: int | None = None,
    designed_at: str | None = None,
    has_ids: bool = False,
    has_ids_in_rows: bool = False,
    has_ids_in_keys: bool = False,
    choices_named: Sequence[str] = (),
    has_files: bool | None = None,
) -> ReadWith:
    """The settings that a tenant's stream is read with; ``has_custom``: it has a column for custom fields.

    ``has_ids``: its contract version gives ids for choices, where earlier ones give labels; ``has_ids_in_rows``: its
    rows may have such choices; ``has_ids_in_keys``: and so have their keys. ``choices_named`` are the choices that the
    row filter names.

    ``absent`` are the catalog's columns that the tenant does not have, though another may have them; ``present`` those
    that it has.
    ``has_files``: of attached files, whether the files themselves come, and not only what is known of them.
    ``parameters`` are the combinations that an inquiry is asked with; ``designed_at``: when the inquiry was changed.
    """
    user = config.credentials(tenant).username.strip().lower()
    with_: dict[str, Any] = {
        _INSTANCE: _same_for_all_spellings(config.instance_url),
        _USER: mark_of(user),
        _ARCHIVED: config.include_archived,
        _START: start_of(config),
        _FILTER: condition,
    }
    if has_custom:
        with_[_CUSTOM] = config.include_custom_fields
    if has_ids:
        with_ |= {_HAS_IDS: True, _IDS_IN_ROWS: has_ids_in_rows, _IDS_IN_KEYS: has_ids_in_keys}
    if choices_named:
        with_[_NAMED] = sorted(choices_named)
    if odata_version is not None:
        with_[_ODATA] = odata_version
    if designed_at is not None:
        with_[_DESIGNED] = designed_at
    if has_files is not None:
        with_[_FILES] = has_files
    if absent:
        with_[_ABSENT] = sorted(absent)
    if present:
        with_[_PRESENT] = present
    if parameters:
        sets = [{name: str(value) for name, value in sorted(one.items())} for one in parameters]
        with_[_PARAMETERS] = sorted(sets, key=lambda one: [*one.items()])
    return with_


def _same_for_all_spellings(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.lower().removesuffix(":443")).geturl()


def to_remember(was: ReadWith, now: ReadWith) -> ReadWith:
    """What the state keeps: ``now``, and when the inquiry was changed, where that is not known today."""
    kept = {name: value for name, value in now.items() if name != _PRESENT}
    return {_DESIGNED: was[_DESIGNED], **kept} if _DESIGNED in was else kept


def of_earlier_versions() -> ReadWith:
    """What is known of rows that were read before states said with what: those versions knew labels alone."""
    return {_HAS_IDS: False}


def explain_mixture(was: ReadWith, now: ReadWith) -> str | None:
    """Why the destination would mix rows that do not belong together, without a full stop; None where it would not.

    Of the rows of two instances, a destination keeps the one with the later stamp, no matter which is right. Times of
    OData 3 may be in the user's zone, those of OData 4 are in UTC: a changed row could have an earlier stamp than
    before. Addresses are compared without regard to case, as IIS does.
    """
    if _INSTANCE in was and was[_INSTANCE].lower() != now[_INSTANCE].lower():
        return (
            f"what has been read is of another instance ({was[_INSTANCE]}) than instance_url names now "
            f"({now[_INSTANCE]}), and the destination would mix the rows of both. Clear the stream's data, or refresh "
            "it and remove its records, which reads it from the new instance; or write the earlier address into "
            "instance_url"
        )
    if was and bool(was.get(_IDS_IN_KEYS)) != bool(now.get(_IDS_IN_KEYS)):
        ids, labels = "ids (INV)", "labels (Invoice)"
        had, have = (labels, ids) if now.get(_IDS_IN_KEYS) else (ids, labels)
        return (
            f"the contract version of its endpoint is another one than before: its keys had {had} and have {have} "
            "now, so that each row would stay in the destination under its earlier key, too. Refresh the connection's "
            "schema, and then refresh the stream and remove its records; or name the earlier version in endpoints"
        )
    if named := _changed_meaning(was, now):
        return (
            f"the contract version of its endpoint is another one than before, and the row filter is the same: it "
            f"compares {named} with labels ('Open') in versions up to 4, and with ids ('N') in version 5, so it may "
            "find other rows. Change row_filters"
        )
    if (before := was.get(_ODATA)) and before != (today := now.get(_ODATA, before)):
        is_older = "If it is no older release, try again later. " if before > today else ""
        return (
            f"it has been read through OData {before}, and the instance answers in OData {today} now, where times may "
            f"be in another zone: the destination would keep earlier rows that look later. {is_older}After a change of "
            "release, clear the stream's data, or refresh it and remove its records"
        )
    return None


def is_of_another_contract(was: ReadWith, now: ReadWith) -> bool:
    """Whether rows have other values for choices than those that were read before, if there were any."""
    return _changes_choices(was, now) and any(one.get(_IDS_IN_ROWS) for one in (was, now))


def _changes_choices(was: ReadWith, now: ReadWith) -> bool:
    return bool(was.get(_HAS_IDS)) != bool(now.get(_HAS_IDS))


def _changed_meaning(was: ReadWith, now: ReadWith) -> str:
    """The choices in a row filter that is what it was, where they are compared with other values now."""
    is_same = was and was.get(_FILTER, now[_FILTER]) == now[_FILTER]
    named = {*was.get(_NAMED, ()), *now.get(_NAMED, ())}
    return ", ".join(sorted(named)) if _changes_choices(was, now) and is_same else ""


def has_same_rows(was: ReadWith, now: ReadWith) -> bool:
    """Whether the settings ask for the same rows, if not for the same columns."""
    return all(was.get(name) == now.get(name) for name in _OF_ROWS)


def asks_for_more(was: ReadWith, now: ReadWith) -> Iterator[str]:
    """A clause for each setting that asks for more than the tenant was read with; none for one that asks for less.

    What was left out while a setting was narrower is unknown, so all is read again once it is wider again.
    """
    if was.get(_ARCHIVED) is False and now[_ARCHIVED]:
        yield "archived records are included now"
    if was.get(_CUSTOM) is False and now.get(_CUSTOM):
        yield "custom fields are included now"
    if was.get(_FILES) is False and now.get(_FILES):
        yield "the files themselves are included now"
    if was.get(_START) and (now[_START] is None or _instant(now[_START]) < _instant(was[_START])):
        yield "the start date is earlier now" if now[_START] else "there is no start date any more"
    if was.get(_FILTER) and now[_FILTER] != was[_FILTER]:
        yield "another row filter applies now" if now[_FILTER] else "no row filter applies any more"
    # A state with the instance and without parameters was written when none were given.
    if (_INSTANCE in was or _PARAMETERS in was) and now.get(_PARAMETERS, _NONE) != was.get(_PARAMETERS, _NONE):
        yield (
            "the inquiry has other parameters now (rows that came with the earlier ones stay, and win against the same "
            "rows where their time is later: refresh the stream if they are not wanted any more)"
        )
    if was and is_of_another_contract(was, now):
        has = "ids where it had labels" if now.get(_HAS_IDS) else "labels where it had ids"
        yield f"the contract version of its endpoint is another one now, and drop-down lists may have {has}"
    if _USER in was and now[_USER] != was[_USER]:
        yield "another user reads now, who may see other rows"
    if came := sorted({*was.get(_ABSENT, ())}.intersection(now.get(_PRESENT, ()))):
        yield f"the ERP has columns now that rows were read without ({', '.join(came)})"
    if _DESIGNED in was and now.get(_DESIGNED, was[_DESIGNED]) != was[_DESIGNED]:
        yield "the inquiry was changed in the ERP, and may show other rows"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
