"""Matches what the OData services have against the names and patterns of the settings."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from source_acumatica.config import Config, composed, stands_for
from source_acumatica.erp.errors import config_error
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.table import left_out_by

logger = logging.getLogger("airbyte")

ALL = ("*",)
"""What ``generic_inquiries`` is by default."""

_SETTINGS = {ODataFeed.INQUIRIES: "generic_inquiries", ODataFeed.TABLES: "dac_tables"}
_UNMATCHED_HINTS: Mapping[str, str] = {
    "generic_inquiries": (
        "Check the names, which are those of the form Generic Inquiry (SM208000), and that Expose via OData is ticked "
        "there."
    ),
    "dac_tables": "Give the names of data access classes, such as SOOrder or PX.Objects.SO.SOOrder.",
}
_FORMS_HINT = (
    "Write Entity or Endpoint/Entity, as on the form Web Service Endpoints (SM207060). The entity needs a collection "
    "for its results, and what is known to be a document or a master record is none: it would be written to."
)
_PARAMETERS_HINT = (
    "Write the title of a generic inquiry, or the name of an inquiry form without the part behind '__' in the stream's "
    "name; a form of an own endpoint as Endpoint/Entity."
)


class NamedForms(Protocol):
    """The inquiry forms of the contract-based API, as far as the settings name them."""

    @property
    def patterns(self) -> Collection[str]:
        """The names and globs that were given for forms."""

    @property
    def matched(self) -> Collection[str]:
        """The names and globs that stand for a form that was found."""


class WantedTables:
    """What the settings name, and what of that has been found in some tenant."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._matched: set[str] = set()
        self._titles: set[str] = set()
        self._unnamed: set[str] = set()
        """Streams that the services could give, and that the settings do not name."""

    def wants_inquiry(self, title: str) -> bool:
        """Whether an inquiry that a tenant has is one that the settings name."""
        self._titles.add(composed(title))
        patterns = _matching(self._config.generic_inquiries, title)
        self._matched.update(patterns)
        if not patterns:
            self._unnamed.add(ODataFeed.INQUIRIES.prefix + title)
        return bool(patterns)

    def wants_dac(self, dac: str) -> bool:
        """Whether a table that a tenant has is one that the settings name."""
        patterns = _matching(self._config.dac_tables, dac, dac.rpartition(".")[2])
        self._matched.update(patterns)
        return bool(patterns)

    def needs_description(self, dac: str, streams: Collection[str] | None) -> bool:
        """Whether a table is wanted and one of ``streams``; None for all: a read needs only those."""
        names = {ODataFeed.TABLES.prefix + name for name in (dac.replace(".", "_"), dac.rpartition(".")[2])}
        if not self.wants_dac(dac):
            self._unnamed |= names
            return False
        return streams is None or not names.isdisjoint(streams)

    def named(self, able: Sequence[ODataTable]) -> Iterator[list[ODataTable]]:
        """Those of the tables that each name or pattern of the settings stands for, but for the default ``*``."""
        for feed, setting in _SETTINGS.items():
            for pattern in (each for each in getattr(self._config, setting) if each != ALL[0]):
                yield [each for each in able if each.feed is feed and _matching([pattern], *_names(each))]

    def unnamed(self, stream: str) -> str | None:
        """The sentence for a stream that the settings leave out, whether it exists or not."""
        feed = next(each for each in ODataFeed if stream.startswith(each.prefix))
        setting = _SETTINGS[feed]
        if getattr(self._config, setting) and stream not in self._unnamed:
            return None
        return left_out_by(setting, stream)

    def refuse_unmatched(self, forms: NamedForms, failed: Collection[ODataFeed]) -> None:
        """Refuse names and patterns that stand for nothing; ``failed`` are the services that failed in some tenant.

        Raises:
            AirbyteTracedException: a ``config_error`` that names them.
        """
        for setting, hint in _UNMATCHED_HINTS.items():
            unmatched = [
                each for each in getattr(self._config, setting) if (each,) != ALL and each not in self._matched
            ]
            if unmatched:
                msg = f"{setting}: no tenant has {', '.join(unmatched)}. {hint}"
                raise config_error(msg)
        if unmatched := [each for each in forms.patterns if each not in forms.matched]:
            msg = f"inquiry_forms: no tenant has an inquiry form {', '.join(unmatched)}. {_FORMS_HINT}"
            raise config_error(msg)
        # What a service that failed has is unknown.
        is_known = ODataFeed.INQUIRIES not in failed
        given = dict.fromkeys(one.inquiry for one in self._config.inquiry_parameters if is_known)
        unmatched = [each for each in given if composed(each) not in self._titles and each not in forms.matched]
        if unmatched and not self._config.generic_inquiries:
            logger.warning(
                f"inquiry_parameters: no inquiry form is called {', '.join(unmatched)}, and generic_inquiries names no "
                "inquiries, so these values have no effect."
            )
        elif unmatched:
            msg = f"inquiry_parameters: no tenant has an inquiry {', '.join(unmatched)}. {_PARAMETERS_HINT}"
            raise config_error(msg)

    def is_inquiry_named(self, title: str) -> bool:
        """Whether the settings name an inquiry by more than the default ``*``."""
        return _matching(self._config.generic_inquiries, title) != set(ALL)


def _matching(patterns: Sequence[str], *names: str) -> set[str]:
    return {each for each in patterns for name in names if stands_for(each, name)}


def _names(table: ODataTable) -> tuple[str, ...]:
    """The names that the settings may use for a table or an inquiry."""
    return (table.type_name, table.short_type) if table.feed is ODataFeed.TABLES else (table.title,)
