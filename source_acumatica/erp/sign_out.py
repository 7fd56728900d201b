"""Signs out of sessions, so that their licence seats are free again."""

from __future__ import annotations

import logging
import math
import time

from source_acumatica.erp.http_session import CONNECT_TIMEOUT_SECONDS, SIGN_TIMEOUT_SECONDS
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.network import NetworkError
from source_acumatica.erp.retries import RetryPolicy, Trouble
from source_acumatica.erp.sessions import Session

logger = logging.getLogger("airbyte")

# A sign-out is refused while the minute's requests are used up, or the site restarts; at most so long in all.
_SIGN_OUT_TRIES = 6
_SIGN_OUT_SECONDS = 60.0
_SHORTEST_SIGN_OUT_SECONDS = 0.5


class SignOut:
    """Signs out of any session of one instance."""

    def __init__(self, instance_url: str, retry_policy: RetryPolicy, pace: Pace) -> None:
        self._instance_url, self._retry_policy, self._pace = instance_url, retry_policy, pace
        self._until = math.inf

    def end_in(self, seconds: float) -> None:
        """Bound all tries from now on, also those under way."""
        self._until = min(self._until, time.monotonic() + seconds)

    def __call__(self, session: Session) -> bool:
        """Whether the seat was given back; without a Content-Length the server answers 411 and keeps the session."""
        trouble = Trouble()
        while True:
            trouble.count()
            self._pace.count()
            left = self._seconds_left(trouble)
            try:
                response = session.http.post(
                    f"{self._instance_url}/entity/auth/logout",
                    headers={"Content-Length": "0"},
                    timeout=(min(CONNECT_TIMEOUT_SECONDS, left), min(SIGN_TIMEOUT_SECONDS, left)),
                    allow_redirects=False,
                )
            except NetworkError:
                pass
            else:
                # 204 answers a sign-out that was done; 401 says that the session had ended already.
                if response.status_code in (204, 401):
                    return True
            if trouble.failures >= _SIGN_OUT_TRIES or not self._pause(trouble):
                break
        logger.warning(
            f"Tenant '{session.tenant}': signing out failed. The seat comes free by itself, after 10 minutes or up to "
            f"an hour ({trouble.summary})."
        )
        return False

    def _seconds_left(self, trouble: Trouble) -> float:
        until = min(trouble.began_at + _SIGN_OUT_SECONDS, self._until)
        return max(until - time.monotonic(), _SHORTEST_SIGN_OUT_SECONDS)

    def _pause(self, trouble: Trouble) -> bool:
        """Wait for a part of the time that is left; False where none is."""
        left = self._seconds_left(trouble)
        if left <= _SHORTEST_SIGN_OUT_SECONDS:
            return False
        time.sleep(min(self._retry_policy.pause_seconds(trouble.failures), left / 2))
        return True
