"""Lists the ids of a table's rows, page by page, as the ERP has them now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from source_acumatica.reading.fields import unwrap, utc_instant
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import Window


@dataclass
class KeyLists:
    """The lists of one tenant's ids, in lower case."""

    reader: Callable[[str | None], Reader]
    """Makes the reader of the ids alone, or of these and another column."""
    table: StreamTable
    window: Window
    """All rows that are wanted: a start date leaves out some."""
    _is_upper: bool = field(default=False, init=False)
    """Whether the ERP writes ids in upper case."""

    def pages(self, since: str | None) -> Iterator[tuple[list[str], list[str]]]:
        """The ids of each page, and those among them of rows that say that they were created ``since``."""
        created, id_field = self.table.created if since else None, self.table.id_field
        for page in self.reader(created).pages(self.window):
            rows = [row for row in page.rows if row.get(id_field)]
            ids = self.in_lower_case([str(row.get(id_field)) for row in rows])
            if created and since:
                at = (utc_instant(unwrap(row.get(created))) for row in rows)
                yield ids, [each for each, made in zip(ids, at, strict=True) if made and made > since]
            else:
                yield ids, []

    def there(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the ERP finds, archived or not, and whether or not the row filter leaves them out."""
        return {id_ for id_, row in self.reader(None).by_ids(ids, is_unconditional=True) if row is not None}

    def in_lower_case(self, ids: Sequence[str]) -> list[str]:
        """The ids as they are compared; how the ERP writes them is remembered."""
        lower = [each.lower() for each in ids]
        self._is_upper = self._is_upper or (lower != ids and any(map(str.isupper, ids)))
        return lower

    def spelt(self, id_: str) -> str:
        """As rows have been sent with it."""
        return id_.upper() if self._is_upper else id_
