"""The user's settings, validated once and frozen."""

from __future__ import annotations

import ipaddress
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from source_acumatica.masking import hide_secrets


def composed(name: str) -> str:
    """The name with its accents in one form: macOS copies letters and accents apart, which looks the same."""
    return unicodedata.normalize("NFC", name)


def stands_for(pattern: str, name: str) -> bool:
    """Whether a name or a pattern of the settings means ``name``."""
    pattern, name = composed(pattern), composed(name)
    return pattern == name or fnmatchcase(name, pattern)


class Credentials(NamedTuple):
    """What one tenant's token request carries; ``client_id`` ends in ``@Tenant``."""

    client_id: str
    client_secret: str
    username: str
    password: str


class TenantCredentials(BaseModel):
    """What differs in one tenant."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None


class InquiryParameter(BaseModel):
    """One value for a parameter of an inquiry."""

    model_config = ConfigDict(frozen=True)

    inquiry: str
    name: str
    value: Any


def _condition(value: Any) -> Any:
    """A condition that can stand in parentheses beside another, and in an address."""
    if not isinstance(value, str):
        return value
    condition = value.strip()
    if not condition:
        msg = "write a condition, or take the entry out"
        raise ValueError(msg)
    if not _stands_alone(condition):
        msg = "its parentheses or quotation marks do not match"
        raise ValueError(msg)
    return condition


def _stands_alone(condition: str) -> bool:
    """Whether each parenthesis and each quotation mark has its other half."""
    depth = 0
    parts = condition.split("'")
    for sign in "".join(parts[::2]):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0 and len(parts) % 2 == 1


class RowFilter(BaseModel):
    """A condition for the rows of one stream, or of several."""

    model_config = ConfigDict(frozen=True)

    stream: Annotated[str, Field(min_length=1)]
    filter: Annotated[str, BeforeValidator(_condition)]

    def is_for(self, stream: str) -> bool:
        """Whether the entry names ``stream``, or is a pattern that it fits."""
        return stands_for(self.stream, stream)


def _utc_if_naive(value: Any) -> Any:
    """A start date; without a zone it is in UTC, as Airbyte's date picker writes it. Year 1 means everything."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            msg = "write it as 2026-11-30 or 2026-11-30T00:00:00Z, or leave it out"
            raise ValueError(msg) from None
    if not isinstance(value, datetime):
        return value
    return max(value if value.tzinfo else value.replace(tzinfo=UTC), _FIRST_START)


# SQL Server's dates begin here; it fails to compare with earlier ones.
_FIRST_START = datetime(1753, 1, 3, tzinfo=UTC)


def _instance_url(value: Any) -> Any:
    """``https://host[/VirtualDirectory]`` without a slash at the end; plain http only for loopback."""
    url = urlsplit(str(value).strip())
    if url.scheme not in ("https", "http") or not url.hostname:
        msg = "write it as https://host or https://host/VirtualDirectory"
        raise ValueError(msg)
    if url.query or url.fragment or "@" in url.netloc:
        msg = "write only https://host or https://host/VirtualDirectory, without sign-in data or parameters"
        raise ValueError(msg)
    _refuse_impossible_host(url)
    if url.scheme == "http" and not _is_loopback(url.hostname):
        msg = "use https: the ERP refuses OAuth over plain http"
        raise ValueError(msg)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def _refuse_impossible_host(url: SplitResult) -> None:
    """Refuse a host name that no server can have: the HTTP library's own error would not name the setting."""
    host = url.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            name = host.removesuffix(".").encode("idna").decode()
        except UnicodeError:
            name = ""
        if not _HOST_NAME.fullmatch(name) or len(name) > _LONGEST_HOST_CHARACTERS:
            msg = "no server can have this host name: each part between two dots has 1 to 63 letters, digits or hyphens"
            raise ValueError(msg) from None
    try:
        _ = url.port
    except ValueError:
        msg = "the port behind the host name is a number up to 65535"
        raise ValueError(msg) from None


# RFC 1035, "Size limits"; underscores are not allowed in host names, but some have them.
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_LONGEST_HOST_CHARACTERS = 253


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Config(BaseModel):
    """All settings of ``spec.yaml``, with their defaults: ``docker run`` does not fill them in, the UI does."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=False, hide_input_in_errors=True)

    instance_url: Annotated[str, BeforeValidator(_instance_url)]
    tenants: Annotated[tuple[str, ...], Field(min_length=1)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Annotated[str, Field(min_length=1)]
    username: Annotated[str, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1)]
    tenant_credentials: tuple[TenantCredentials, ...] = ()
    endpoints: tuple[str, ...] = ()
    generic_inquiries: tuple[str, ...] = ("*",)
    dac_tables: tuple[str, ...] = ()
    dac_linked_columns: tuple[str, ...] = ()
    inquiry_parameters: tuple[InquiryParameter, ...] = ()
    inquiry_forms: tuple[str, ...] = ()
    start_date: Annotated[AwareDatetime | None, BeforeValidator(_utc_if_naive)] = None
    row_filters: tuple[RowFilter, ...] = ()
    lookback_minutes: Annotated[int, Field(ge=0, le=10080)] = 15
    reread_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    track_deletions: bool = False
    compare_keys_hours: Annotated[int, Field(ge=0, le=8760)] = 24
    track_linked_changes: bool = False
    include_archived: bool = False
    include_custom_fields: bool = True
    include_attachments: bool = False
    max_page_size: Annotated[int, Field(ge=1, le=10000)] = 5000
    max_sessions: Annotated[int, Field(ge=1, le=32)] = 1
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    read_timeout_seconds: Annotated[int, Field(ge=30, le=3600)] = 660

    @field_validator("start_date")
    @classmethod
    def _has_begun(cls, start: datetime | None) -> datetime | None:
        # The clock of this machine may be behind.
        if start and start > datetime.now(UTC) + timedelta(days=1):
            msg = f"{start:%Y-%m-%d} lies in the future, and no row was changed since then"
            raise ValueError(msg)
        return start

    @model_validator(mode="after")
    def _names_are_usable(self) -> Config:
        if not all(tenant.strip() for tenant in self.tenants):
            msg = "tenants: a login name is empty"
            raise ValueError(msg)
        if len(set(self.tenants)) < len(self.tenants):
            msg = "tenants: each login name may stand there once"
            raise ValueError(msg)
        strangers = {own.tenant for own in self.tenant_credentials} - set(self.tenants)
        if strangers:
            msg = f"tenant_credentials: {', '.join(sorted(strangers))} is not among the tenants"
            raise ValueError(msg)
        owners = [own.tenant for own in self.tenant_credentials]
        if len(set(owners)) < len(owners):
            twice = ", ".join(sorted({owner for owner in owners if owners.count(owner) > 1}))
            msg = f"tenant_credentials: {twice} has more than one entry: keep one for each tenant"
            raise ValueError(msg)
        return self

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Config:
        """Validate ``raw`` and hide its secrets from every later output.

        Raises:
            AirbyteTracedException: a ``config_error`` that names the settings and what is wrong with each.
        """
        hide_secrets(raw)
        given = {name: value for name, value in raw.items() if value is not None}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            # A missing setting may have been given under another name.
            sentences = (f"The settings are not usable: {'; '.join(_complaints(error))}.", *unknown_settings(raw))
            message = " ".join(sentence if sentence[-1] in ".?" else f"{sentence}." for sentence in sentences)
            raise AirbyteTracedException(message=message, failure_type=FailureType.config_error) from None

    @property
    def with_archived(self) -> Config:
        """The same, with archived records: they have not gone, whether or not they are wanted."""
        return self.model_copy(update={"include_archived": True})

    @property
    def lookback(self) -> timedelta:
        """The overlap that each incremental sync reads again."""
        return timedelta(minutes=self.lookback_minutes)

    def credentials(self, tenant: str) -> Credentials:
        """The credentials for ``tenant``; the client id's suffix decides which tenant a token reads."""
        own = next((one for one in self.tenant_credentials if one.tenant == tenant), TenantCredentials(tenant=tenant))
        client_id = own.client_id or self.client_id
        return Credentials(
            client_id=f"{client_id.split('@', 1)[0]}@{tenant}",
            client_secret=own.client_secret or self.client_secret,
            username=own.username or self.username,
            password=own.password or self.password,
        )

    def parameter_sets(self, *inquiry: str) -> list[dict[str, Any]]:
        """The values to ask an inquiry with, by name: each combination of those that were given.

        ``inquiry`` are the names that the settings may use for it.
        """
        values: dict[str, list[Any]] = {}
        names = [*map(composed, inquiry)]
        for one in self.inquiry_parameters:
            if composed(one.inquiry) in names and one.value not in values.setdefault(one.name, []):
                values[one.name].append(one.value)
        return [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]

    def asked(self, *inquiry: str) -> tuple[str, ...]:
        """The parameters whose values are added to an inquiry's rows: all of them if it is asked more than once."""
        sets = self.parameter_sets(*inquiry)
        return tuple(sets[0]) if len(sets) > 1 else ()

    def varied(self, *inquiry: str) -> tuple[str, ...]:
        """The parameters with more than one value: only these tell the rows of different requests apart."""
        first, *others = self.parameter_sets(*inquiry)
        return tuple(name for name, value in first.items() if any(one[name] != value for one in others))

    def condition(self, stream: str) -> str:
        """The condition for the rows of ``stream``, in the API's own syntax and in parentheses; empty for all rows.

        Raises:
            AirbyteTracedException: a ``config_error``: it is longer than an address holds.
        """
        condition = " and ".join(f"({one.filter})" for one in self.row_filters if one.is_for(stream))
        length = len(quote(condition))
        if length > _LONGEST_CONDITION_CHARACTERS:
            message = (
                f"row_filters: the conditions for {stream} have {length} characters in an address; at most "
                f"{_LONGEST_CONDITION_CHARACTERS} fit into a request."
            )
            raise AirbyteTracedException(message=message, failure_type=FailureType.config_error)
        return condition


# ASP.NET refuses query strings over 2048 characters; half of that is left for the other options (BEHAVIOR.md, "Lists").
_LONGEST_CONDITION_CHARACTERS = 1000
_ENTRIES: Mapping[str, type[BaseModel]] = {
    "tenant_credentials": TenantCredentials,
    "inquiry_parameters": InquiryParameter,
    "row_filters": RowFilter,
}
"""The settings whose entries have names of their own."""


def unknown_settings(raw: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each unknown name in the settings, with the known one that it resembles."""
    yield from _unknown(raw, Config, "")
    for setting, model in _ENTRIES.items():
        entries = raw.get(setting)
        for entry in entries if isinstance(entries, list | tuple) else ():
            if isinstance(entry, Mapping):
                yield from _unknown(entry, model, f"{setting}: ")


def _unknown(raw: Mapping[str, Any], model: type[BaseModel], where: str) -> Iterator[str]:
    """The sentences for one object; names that begin with an underscore are the platform's."""
    for name in raw:
        if name not in model.model_fields and not name.startswith("_"):
            near = get_close_matches(name.lower(), model.model_fields, 1)
            hint = f": do you mean {near[0]}?" if near else "."
            yield f"{where}'{name}' is not a setting of this connector and has no effect{hint}"


# Replaces pydantic's messages that speak of Python instead of what to write.
_WORDS = {
    "missing": "is missing",
    "string_type": "write it as text, in quotation marks",
    "string_too_short": "must not be empty",
    "too_short": "name at least one",
    "tuple_type": "write a list, in square brackets",
}


def _complaints(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in one["loc"])
        what = _WORDS.get(one["type"]) or one["msg"].removeprefix("Value error, ")
        yield f"{where}: {what}" if where else what


def typed_in(value: Any) -> str:
    """A value of the settings as a user would type it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
