"""Asks for ``$adHocSchema``, which names an entity's custom fields, until it comes or its failure is lasting."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from airbyte_cdk.models import FailureType

from source_acumatica.erp.client import RetryPolicy
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.reading.fields import Raw

logger = logging.getLogger("airbyte")

# An internal failure of the ERP may pass: it is tried again for about 15 seconds, each try being two requests.
# An explicit refusal is tried once more.
_TRIES, _TRIES_AFTER_REFUSAL = 4, 2
_RETRY_POLICY = RetryPolicy(retries=_TRIES, wait_seconds=0, first_pause_seconds=2.0)
# These say that this request is refused; any other failure would make the list fail as well.
_REFUSALS = (Action.ASK_FOR_LESS, Action.STOP, Action.GONE, Action.SKIP)


@dataclass
class _Entity:
    lock: threading.Lock = field(default_factory=threading.Lock)
    schema: Raw | None = None
    failure: RequestFailed | None = None
    tries: int = 0


class AdHocSchemas:
    """The answers, asked for once per tenant and entity: the streams of an entity and of its collections share one."""

    def __init__(self) -> None:
        self._entities: dict[tuple[str, str], _Entity] = {}

    def get(self, tenant: str, url_path: str, ask: Callable[[], Raw], *, is_refusal_known: bool) -> Raw:
        """The schema of an entity; a second caller waits for the answer to the first.

        Where a refusal is known from an earlier sync (``is_refusal_known``), one try is enough.

        Raises:
            RequestFailed: every try has failed, or one in a way that would make the list fail as well.
        """
        entity = self._entities.setdefault((tenant, url_path), _Entity())
        with entity.lock:
            while entity.schema is None and (entity.failure is None or not _is_enough(entity, is_refusal_known)):
                if entity.failure:
                    seconds = _RETRY_POLICY.pause_seconds(entity.tries)
                    logger.warning(f"{entity.failure.message}. Asking for the custom fields again in {seconds:.0f} s.")
                    time.sleep(seconds)
                entity.tries += 1
                try:
                    entity.schema = ask()
                except RequestFailed as error:
                    if error.problem.action not in _REFUSALS:
                        raise
                    entity.failure = error
            if entity.schema is None and entity.failure:
                raise entity.failure
            return entity.schema or {}


def is_refusal(error: RequestFailed) -> bool:
    """Whether only the request for custom fields is refused, and not any request to this tenant."""
    return error.problem.action in _REFUSALS


def _is_enough(entity: _Entity, is_refusal_known: bool) -> bool:
    if is_refusal_known or entity.failure is None:
        return True
    is_own_failure = entity.failure.failure_type is FailureType.system_error
    return entity.tries >= (_TRIES if is_own_failure else _TRIES_AFTER_REFUSAL)
