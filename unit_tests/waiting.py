"""Waits in a test for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(is_true: Callable[[], object]) -> None:
    """Wait until it is; where it never is the test fails, before it is ended for its time, also on a busy machine."""
    ends_at = time.monotonic() + 90
    while not is_true():
        assert time.monotonic() < ends_at
        time.sleep(0.002)
