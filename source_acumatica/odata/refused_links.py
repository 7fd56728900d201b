"""Finds which links the ERP refuses to follow, so that a list can be read without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import Action, RequestFailed, config_error
from source_acumatica.reading.refusals import SearchTooLongError, refused

_RIGHTS = "Give the user the rights to read the tables that they lead to"


def may_be_for_links(error: RequestFailed) -> bool:
    """Whether a request may have failed for the links in it: a table behind them may be closed, or too much."""
    return error.problem.action in (Action.ASK_FOR_LESS, Action.STOP)


def refused_links(names: Sequence[str], ask: Callable[[Sequence[str]], Any]) -> tuple[str, ...]:
    """Those of the links with which a request fails; none where it fails without any, or succeeds with all.

    ``ask`` sends the request with some of the links. Where only several together are too much, half of them are left.

    Raises:
        RequestFailed: a failure that has nothing to do with links.
    """

    def works(some: tuple[str, ...]) -> bool:
        try:
            ask(some)
        except RequestFailed as error:
            if not may_be_for_links(error):
                raise
            return False
        return True

    if not names or not works(()):
        return ()
    try:
        found = refused(tuple(names), works)
        return tuple(found) or (() if works(tuple(names)) else tuple(names[len(names) // 2 :]))
    except SearchTooLongError:
        return tuple(names)


def closed_links(where: str, names: Sequence[str]) -> AirbyteTracedException:
    """The error for links that the settings name and the ERP does not follow."""
    return config_error(
        f"{where}: dac_linked_columns: the ERP refuses to follow {', '.join(names)}. {_RIGHTS}, or take these columns "
        "out of the setting."
    )


def without_links(where: str, said: str, names: Sequence[str]) -> str:
    """The warning that records come without what lies behind links."""
    return (
        f"{where}: {said}, when asked to follow {', '.join(names)} (dac_linked_columns). Records come without it and "
        f"say so. {_RIGHTS}."
    )
