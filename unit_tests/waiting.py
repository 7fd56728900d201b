"""Waits in a test for what another thread does."""

from __future__ import annotations

import time


def until(is_true):
    """Wait until it is; after five seconds the test fails."""
    ends_at = time.monotonic() + 5
    while not is_true():
        assert time.monotonic() < ends_at
        time.sleep(0.001)
