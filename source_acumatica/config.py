"""The user's settings, validated once and frozen."""

from __future__ import annotations

import base64
import ipaddress
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator


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
    """One value that an inquiry is asked with."""

    model_config = ConfigDict(frozen=True)

    inquiry: str
    name: str
    value: Any


def _utc_if_naive(value: Any) -> Any:
    """A start date without a zone is meant in UTC, as Airbyte's date picker writes it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _instance_url(value: Any) -> Any:
    """``https://host[/VirtualDirectory]`` without a slash at the end; plain http only for loopback."""
    url = urlsplit(str(value).strip())
    if url.scheme not in ("https", "http") or not url.hostname:
        msg = "write it as https://host or https://host/VirtualDirectory"
        raise ValueError(msg)
    if url.query or url.fragment or "@" in url.netloc:
        msg = "write only https://host or https://host/VirtualDirectory, without sign-in data or parameters"
        raise ValueError(msg)
    if url.scheme == "http" and not _is_loopback(url.hostname):
        msg = "use https: the ERP refuses OAuth over plain http"
        raise ValueError(msg)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


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
    inquiry_parameters: tuple[InquiryParameter, ...] = ()
    inquiry_forms: tuple[str, ...] = ()
    start_date: Annotated[AwareDatetime | None, BeforeValidator(_utc_if_naive)] = None
    lookback_minutes: Annotated[int, Field(ge=0, le=10080)] = 15
    track_deletions: bool = False
    include_archived: bool = False
    include_custom_fields: bool = True
    max_page_size: Annotated[int, Field(ge=1, le=10000)] = 5000
    max_sessions: Annotated[int, Field(ge=1, le=32)] = 1
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    read_timeout_seconds: Annotated[int, Field(ge=30, le=3600)] = 660

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
        return self

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Config:
        """Validate ``raw`` and hide its secrets from every later output.

        Raises:
            AirbyteTracedException: a ``config_error`` that names the settings and what is wrong with each.
        """
        given = {name: value for name, value in raw.items() if value is not None}
        try:
            config = cls.model_validate(given)
        except ValidationError as error:
            message = f"The settings are not usable: {'; '.join(_complaints(error))}."
            raise AirbyteTracedException(message=message, failure_type=FailureType.config_error) from None
        config.hide_secrets()
        return config

    @property
    def lookback(self) -> timedelta:
        """The overlap that each incremental sync reads again."""
        return timedelta(minutes=self.lookback_minutes)

    def credentials(self, tenant: str) -> Credentials:
        """What ``tenant`` is signed in to with; the client id's suffix decides which tenant a token reads."""
        own = next((one for one in self.tenant_credentials if one.tenant == tenant), TenantCredentials(tenant=tenant))
        client_id = own.client_id or self.client_id
        return Credentials(
            client_id=f"{client_id.split('@', 1)[0]}@{tenant}",
            client_secret=own.client_secret or self.client_secret,
            username=own.username or self.username,
            password=own.password or self.password,
        )

    def parameter_sets(self, *inquiry: str) -> list[dict[str, Any]]:
        """The values that an inquiry is asked with, by name: each combination of those that were given.

        ``inquiry`` are the names that it may stand under in the settings.
        """
        values: dict[str, list[Any]] = {}
        for one in self.inquiry_parameters:
            if one.inquiry in inquiry and one.value not in values.setdefault(one.name, []):
                values[one.name].append(one.value)
        return [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]

    def asked(self, *inquiry: str) -> tuple[str, ...]:
        """The parameters whose values stand in the rows of an inquiry: all, where it is asked more than once."""
        sets = self.parameter_sets(*inquiry)
        return tuple(sets[0]) if len(sets) > 1 else ()

    def hide_secrets(self) -> None:
        """Have the CDK mask every secret in every form that it could take in a text (BEHAVIOR.md, "The CDK", trap G).

        The CDK replaces them one after another, so the longest come first: a secret may contain another.
        """
        own = [secret for one in self.tenant_credentials for secret in (one.client_secret, one.password) if secret]
        update_secrets(_masked([self.client_secret, self.password, *own]))


def hide(secret: str) -> None:
    """Mask a secret that was got on the way, in all its forms."""
    for form in _masked([secret]):
        add_to_secrets(form)


def _masked(secrets: Iterable[str]) -> list[str]:
    return sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode()


# Where pydantic speaks of Python rather than of what to write.
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
