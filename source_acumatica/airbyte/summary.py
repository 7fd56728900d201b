"""Says at the end of a read, in one table, what came of each stream and tenant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from source_acumatica.airbyte.progress import End, RowCount
from source_acumatica.erp.tallies import Tallies, Tally

# Of a longer table, lists without anything to tell are counted in one line: most of an incremental sync's are such.
_MOST_LISTS = 100
# A failure has been logged with all its words.
_LONGEST_REMARK_CHARACTERS = 200


def summary(lists: Iterable[RowCount], tallies: Tallies) -> Iterator[str]:
    """The lines of the table, by stream and tenant.

    Each is a log line of its own: so each has a time and can be searched for, and none is cut where lines may be long.
    The numbers come first, as their columns stay in line whatever names are.
    """
    counts = sorted(lists, key=lambda count: (count.stream, count.tenant))
    if not counts:
        return
    places = [count.where for count in counts if count.where]
    costs = {id(count): tallies.of(count.where, places) if count.where else Tally() for count in counts}
    yield _columns("rows", "deletions", "requests", "waited s", "stream, tenant: what is missing or not sure")
    quiet = [count for count in counts if _is_quiet(count)] if len(counts) > _MOST_LISTS else []
    quiet_ids = {id(count) for count in quiet}
    for count in counts:
        if id(count) not in quiet_ids:
            yield _line(count.records, count.deletions, costs[id(count)], _named(count))
    if quiet:
        cost = sum((costs[id(count)] for count in quiet), Tally())
        yield _line(0, None, cost, f"{len(quiet)} more, complete and without rows")
    deletions = [count.deletions for count in counts if count.deletions is not None]
    records = sum(count.records for count in counts)
    yield _line(records, sum(deletions) if deletions else None, tallies.total, _in_all(counts))


def _is_quiet(count: RowCount) -> bool:
    return not (count.records or count.deletions or count.remarks or count.end is not End.COMPLETE)


def _named(count: RowCount) -> str:
    ended = f"{count.end}: {count.failure}" if count.failure else count.end.value
    remarks = "; ".join(filter(None, [_cut(ended), *map(_cut, count.remarks)]))
    return f"{count.stream}, {count.tenant}{remarks and ': '}{remarks}"


def _cut(remark: str) -> str:
    is_long = len(remark) > _LONGEST_REMARK_CHARACTERS
    return f"{remark[:_LONGEST_REMARK_CHARACTERS]}…" if is_long else remark


def _in_all(counts: list[RowCount]) -> str:
    ends = Counter(count.end for count in counts)
    rest = [f"{ends[end]} {end}" for end in End if end is not End.COMPLETE and ends[end]]
    how = f"{ends[End.COMPLETE]} of {len(counts)} complete"
    return f"in all, with requests for descriptions and the like: {', '.join([how, *rest])}"


def _line(rows: int, deletions: int | None, cost: Tally, what: str) -> str:
    removed = "-" if deletions is None else f"{deletions:,}"
    return _columns(f"{rows:,}", removed, f"{cost.requests:,}", f"{cost.waited_seconds:,.1f}", what)


def _columns(rows: str, deletions: str, requests: str, waited: str, what: str) -> str:
    return f"{rows:>11} | {deletions:>9} | {requests:>8} | {waited:>8} | {what}"
