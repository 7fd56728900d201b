"""Asks for the records that name an entity's custom fields, and tells a passing failure of that from a lasting one."""

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

# A failure of the ERP's own passes or not: a quarter of a minute of pauses, each of these tries being two. A
# refusal by its words is asked about once more.
_TRIES, _TRIES_AFTER_REFUSAL = 4, 2
_RETRY_POLICY = RetryPolicy(retries=_TRIES, wait_seconds=0, first_pause_seconds=2.0)
# What says that it is this request that is refused; all else would fail the list as well.
_REFUSALS = (Action.CLIMB_DOWN, Action.STOP, Action.GONE, Action.SKIP)


@dataclass
class _Entity:
    lock: threading.Lock = field(default_factory=threading.Lock)
    schema: Raw | None = None
    failure: RequestFailed | None = None
    tries: int = 0


class AdHocSchemas:
    """Records that name the custom fields, asked for once per tenant and entity: its lines are streams of their own."""

    def __init__(self) -> None:
        self._entities: dict[tuple[str, str], _Entity] = {}

    def get(self, tenant: str, url_path: str, ask: Callable[[], Raw], *, is_refusal_known: bool) -> Raw:
        """The schema of an entity; whoever comes while it is being asked for waits.

        Where it ``is_refusal_known``, one try has to do.

        Raises:
            RequestFailed: it has failed in every try, or in a way that the list would fail in as well.
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
    """Whether it is the request for custom fields that is refused, and not anything in this tenant."""
    return error.problem.action in _REFUSALS


def _is_enough(entity: _Entity, is_refusal_known: bool) -> bool:
    if is_refusal_known or entity.failure is None:
        return True
    is_own_failure = entity.failure.failure_type is FailureType.system_error
    return entity.tries >= (_TRIES if is_own_failure else _TRIES_AFTER_REFUSAL)
