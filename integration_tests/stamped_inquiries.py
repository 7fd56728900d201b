"""An ERP whose inquiries have several stamps, for the tests of cursors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .simulator import Simulator

A = "Company"


@pytest.fixture(name="erp")
def an_erp() -> Iterator[Simulator]:
    with Simulator(rows=8, tenants=(A,)) as simulator:
        yield simulator
