"""Tells the user what the settings say wrongly about inquiry forms, or do not say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.contract.forms import LOOKS_LIKE_A_FORM, form_names, is_blank
from source_acumatica.contract.parameters import wrong_parameters
from source_acumatica.contract.tables import Method, Table
from source_acumatica.erp.answers import NO_CONTENT, or_no_content, read_answer
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, RequestFailed, config_error
from source_acumatica.erp.json_text import decode

logger = logging.getLogger("airbyte")
_DOCUMENT: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def warn_of_forms(
    client: Client, tenant: str, tables: Sequence[Table], may_ask: Callable[[], bool] = lambda: True
) -> None:
    """Log which entities without keys look like inquiry forms: PUT is not sent to any on a guess."""
    listed = [each for each in tables if each.method is Method.LIST and not each.path]
    for table in [each for each in listed if not (each.is_identified or each.is_single)]:
        if may_ask() and _looks_like_a_form(client, tenant, table):
            logger.warning(f"{_where_of(tenant, table)}: {LOOKS_LIKE_A_FORM.format(table.entity)}.")


def parameter_errors(
    own: Mapping[str, Mapping[str, Table]], settings: Config, inquiries: Collection[str]
) -> list[AirbyteTracedException]:
    """For each inquiry form that no tenant has with these values: what is wrong with them, in the first tenant.

    Values for the bare name of a form may be meant for one of the ``inquiries``, by title.
    """
    found: dict[str, list[str]] = {}
    for tenant, tables in own.items():
        for table in tables.values():
            if table.method is Method.INQUIRY:
                names = [name for name in form_names(table.endpoint, table.entity) if name not in inquiries]
                complaint = wrong_parameters(table, settings.parameter_sets(*names)[0]) if names else None
                found.setdefault(table.name, []).append(f"Tenant '{tenant}': {complaint}" if complaint else "")
    return [config_error(complaints[0]) for complaints in found.values() if all(complaints)]


def _looks_like_a_form(client: Client, tenant: str, table: Table) -> bool:
    """Whether its list is one blank record, or the ERP says that it cannot be listed at all."""

    def read(response: requests.Response) -> bool:
        rows = [] if response.status_code == NO_CONTENT else decode(_DOCUMENT, response.content)
        return isinstance(rows, list) and len(rows) == 1 and is_blank(rows[0])

    judge, where = or_no_content(read_answer), _where_of(tenant, table)
    try:
        return client.fetch(tenant, table.url_path, {"$top": "2"}, read=read, where=where, judge=judge, is_hint=True)
    except RequestFailed as error:
        # Reading it says what is wrong; this is only a hint.
        return error.problem.action is Action.ASK_FOR_LESS


def _where_of(tenant: str, table: Table) -> str:
    return f"Tenant '{tenant}', {table.name}"
