"""Remembers which attached files were sent recently, so that none is sent twice where their records come again.

Records come again in two cases: a sync was cut off in the middle of a page, and a sync reaches back before the end of
the last one. Unlike a row, a file may have many megabytes. What is remembered of one is a mark of all that the ERP
shows of it and of its record's stamp: with another stamp, or under another name, it is sent again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

import msgspec

_PAGE, _AHEAD = "", "ahead"
"""In place of a stamp: the files of the page that is being read, whatever the stamps of their records; and those of a
page that a sync before was cut off in, whose records have not come again yet. Pages differ in size."""
_WITNESS = "witness"
"""Likewise: the size and the id of a small file that came, to ask for where another one does not come."""
# Two of a hundred thousand files have the same mark once in fifty thousand cases; their stamps are in it.
_MARK_BYTES, _MARK_CHARACTERS = 6, 8
# The state goes out after every few files; what is sent twice costs time and harms nothing.
_MOST_REMEMBERED = 5000


def mark_of(parts: Iterable[object]) -> str:
    """A short mark of a file, from all that is known of it."""
    text = msgspec.json.encode([str(part) for part in parts])
    return base64.b64encode(hashlib.blake2b(text, digest_size=_MARK_BYTES).digest()).decode()


def behind_page(files: Mapping[str, str]) -> Mapping[str, str]:
    """What has to be kept of them once a page was read to its end."""
    return {stamp: marks for stamp, marks in files.items() if stamp != _PAGE}


def behind_window(files: Mapping[str, str]) -> Mapping[str, str]:
    """What has to be kept of them once all records have come."""
    return {stamp: marks for stamp, marks in files.items() if stamp not in (_PAGE, _AHEAD)}


def begun_again(files: Mapping[str, str]) -> Mapping[str, str]:
    """The files of the syncs before, as the next one begins with them."""
    ahead = files.get(_AHEAD, "") + files.get(_PAGE, "")
    return {**behind_window(files), **({_AHEAD: ahead} if ahead else {})}


class SentFiles:
    """The files that were sent; ``as_state`` is what the state keeps of them."""

    def __init__(self, files: Mapping[str, str], since: str) -> None:
        """``since``: records with earlier stamps do not come again in the next sync."""
        self._since = since
        stamps = {stamp: marks for stamp, marks in behind_window(files).items() if stamp != _WITNESS}
        self._recent = {stamp: _divided(marks) for stamp, marks in stamps.items()}
        size, _, id_ = files.get(_WITNESS, "").partition(" ")
        self.witness: tuple[int, str] | None = (int(size), id_) if size.isdecimal() and id_ else None
        """The size and the id of the smallest file that came, in this sync or in one before."""
        self._page, self._ahead = _divided(files.get(_PAGE, "")), _divided(files.get(_AHEAD, ""))

    def has(self, stamp: str, mark: str) -> bool:
        """Whether the file was sent, with the same stamp of its record."""
        return mark in self._page or mark in self._ahead or mark in self._recent.get(stamp, ())

    def came_again(self, mark: str) -> bool:
        """Note that the record of a file that was sent has come; whether that is news."""
        if mark not in self._ahead:
            return False
        del self._ahead[mark]
        self._page[mark] = None
        return True

    def note(self, stamp: str, mark: str) -> None:
        """Note that the file was sent."""
        self._page[mark] = None
        if stamp >= self._since:
            self._recent.setdefault(stamp, {})[mark] = None

    @property
    def page_files(self) -> int:
        """How many were sent of the page that is being read."""
        return len(self._page)

    def as_state(self) -> dict[str, str]:
        """The marks by stamp, and the witness; of the marks that may come again with the next sync only the latest."""
        left, kept = _MOST_REMEMBERED, {_PAGE: "".join(self._page)}
        if self._ahead:
            kept[_AHEAD] = "".join(self._ahead)
        if self.witness:
            kept[_WITNESS] = "{} {}".format(*self.witness)
        for stamp in sorted(self._recent, reverse=True):
            left -= len(self._recent[stamp])
            if left < 0 or stamp < self._since:
                break
            kept[stamp] = "".join(self._recent[stamp])
        return kept


def _divided(marks: str) -> dict[str, None]:
    return dict.fromkeys(marks[at : at + _MARK_CHARACTERS] for at in range(0, len(marks), _MARK_CHARACTERS))
