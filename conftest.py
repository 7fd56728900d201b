"""How all tests draw random cases, and what they share of Python's time."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same ones each time, so that a change is not refused for what it did not change; `make soak` draws new ones. No
# clock on them: a slow machine is no defect of the code.
settings.register_profile("the same", deadline=None, max_examples=30, derandomize=True)
settings.register_profile("new", deadline=None, max_examples=60)
settings.load_profile("new" if os.environ.get("SOAK") else "the same")


def pytest_xdist_auto_num_workers() -> int:
    """How many tests run at a time: one more than there are processors, since tests wait a third of their time."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What the tests themselves consist of stays to the end: Python need not look through it for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
