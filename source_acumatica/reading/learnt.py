"""What may be learnt about the list of a tenant, by the names that the state has for it."""

from __future__ import annotations

FILTER_WORKS, HAS_NO_FLAGS, HAS_FLAGGED = "filter_works", "has_no_flags", "has_flagged"
REFUSES_NULL, ALL_STAMPED, GIVES_PAGES = "refuses_null", "all_stamped", "gives_pages"
GIVES_ALL_AGAIN = "gives_all_again"
GIVES_UNSTAMPED, LOSES_UNSTAMPED = "gives_unstamped", "loses_unstamped"
STAMPS_STAND, HIDES_NOTHING, HIDES_ROWS = "stamps_stand", "hides_nothing", "hides_rows"
SHOWS_DATES = "shows_dates"
LISTS_ALL, EMPTIES_PARTS = "lists_all", "empties_parts"
FOUND_BY_KEY, SHOWS_CUSTOM = "found_by_key", "shows_custom"
IDS_LOOKED_AT, NOT_COMPARED = "ids_looked_at", "not_compared"
LEARNT = (
    SHOWS_DATES,
    STAMPS_STAND,
    HIDES_NOTHING,
    HIDES_ROWS,
    FILTER_WORKS,
    HAS_NO_FLAGS,
    HAS_FLAGGED,
    REFUSES_NULL,
    ALL_STAMPED,
    GIVES_PAGES,
    GIVES_ALL_AGAIN,
    GIVES_UNSTAMPED,
    LOSES_UNSTAMPED,
    LISTS_ALL,
    EMPTIES_PARTS,
    FOUND_BY_KEY,
    SHOWS_CUSTOM,
    IDS_LOOKED_AT,
    NOT_COMPARED,
)
"""All of them."""
