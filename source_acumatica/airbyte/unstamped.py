"""Finds out whether a list has rows without a stamp, which incremental syncs have to ask for."""

from __future__ import annotations

import logging

from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.learnt import ALL_STAMPED, REFUSES_NULL
from source_acumatica.reading.reader import Reader

logger = logging.getLogger("airbyte")


def has_unstamped(reader: Reader, facts: TenantFacts, cursor: str | None) -> bool:
    """Whether rows without a stamp have to be asked for; where none were seen, that is tried once a day."""
    if facts.knows(REFUSES_NULL) or (facts.knows(ALL_STAMPED) and not facts.has_unstamped):
        return False
    found = reader.has_unstamped()
    if found is None:
        facts.learn(REFUSES_NULL)
        # A start date hides them, so that none can have been seen.
        if facts.has_unstamped or (reader.config.start_date and facts.is_first):
            logger.warning(
                f"{reader.where}: there are rows without a stamp ({cursor}), and the ERP cannot be asked for them: "
                "such rows that are new or changed arrive with a full refresh only."
            )
    elif not found:
        facts.learn(ALL_STAMPED)
    return bool(found)
