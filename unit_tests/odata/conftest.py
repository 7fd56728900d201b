"""What the tests of what reads an inquiry or a table share."""

from __future__ import annotations

import pytest

from source_acumatica.odata import plan_pages
from source_acumatica.reading import page_size


@pytest.fixture
def small_pages(monkeypatch):
    """Every list takes several requests."""
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", 3)


@pytest.fixture
def no_larger_pages(monkeypatch):
    """A group of rows with one key has to fit into a page of three."""
    monkeypatch.setattr(plan_pages, "SMALL_PAGE_ROWS", 0)
