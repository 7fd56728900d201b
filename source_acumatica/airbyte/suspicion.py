"""Judges whether rows that are not found may only be hidden from the user."""

from __future__ import annotations

import logging

logger = logging.getLogger("airbyte")

# More than that, and more than a fifth of a table, is not deleted at once: rights may have been taken away.
_MANY, _PART_OF_A_TABLE = 10, 5
# A list that is empty of a sudden may be a matter of rights, too.
_FEW = 2


def is_suspicious(where: str, gone: int, listed: int, known: int) -> bool:
    """Whether about so many of the ``known`` rows are gone that they may be hidden; the log says so.

    ``listed`` are those that the ERP shows now.
    """
    is_large = gone > _MANY and gone * _PART_OF_A_TABLE > known
    if not gone or (not is_large and (listed or known <= _FEW)):
        return False
    logger.warning(
        f"{where}: of {known:,} rows that were read, the ERP does not find {gone:,} any more. So "
        "many are seldom deleted at once: the user's rights may have been changed. They stay in the destination; "
        "if they were deleted, refresh this stream."
    )
    return True
