"""The files that are attached to records and to their lines; a content is computed from the file's id and revision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.spots import dashed

# What a file is attached to: the id of a record, and for a line its collection and its place, from 1.
Owner = tuple[str, str, int]
PIECE_BYTES = 64 * 1024
# One record in so many has a file that nobody attached.
ONE_IN = 3


@dataclass(frozen=True)
class AttachedFile:
    id: str
    filename: str
    size: int
    comment: str | None = None
    revision: int = 1
    is_lost: bool = False  # its record names it, and there is no content

    def pieces(self) -> Iterator[bytes]:
        """The content, never as a whole: ten thousand files of 40 MB take no memory."""
        block = hashlib.sha256(f"{self.id} {self.revision}".encode()).digest() * (PIECE_BYTES // 32)
        for at in range(0, self.size, PIECE_BYTES):
            piece = at.to_bytes(8, "big") + block[8:]
            yield piece[: self.size - at]

    @property
    def hash(self) -> str:
        found = hashlib.sha256()
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()


class Attachments:
    """Those of one tenant."""

    def __init__(self) -> None:
        self._files: dict[str, AttachedFile] = {}
        self._attached: dict[Owner, list[str]] = {}

    def of(self, record: Record, collection: str = "", place: int = 0) -> list[AttachedFile]:
        owner = (record.spot.id, collection, place)
        if owner in self._attached:
            return [self._files[each] for each in self._attached[owner]]
        return [] if collection else self._computed(record)

    def find(self, file: str) -> AttachedFile | None:
        return self._files.get(file.lower())

    def attach(self, record: Record, line: tuple[str, int], file: AttachedFile) -> None:
        owner = (record.spot.id, *line)
        self._attached[owner] = [*(each.id for each in self.of(record, *line)), file.id]
        self._files[file.id] = file

    def detach(self, record: Record, line: tuple[str, int], file: str) -> None:
        self._attached[record.spot.id, *line] = [each.id for each in self.of(record, *line) if each.id != file]

    def change(self, file: str, **changes: object) -> None:
        self._files[file] = replace(self._files[file], **changes)  # type: ignore[arg-type]

    def new_id(self, names: Sequence[object]) -> str:
        return dashed(hashlib.sha256(f"{names} {len(self._files)}".encode()).hexdigest()[:32])

    def _computed(self, record: Record) -> list[AttachedFile]:
        """Kept once it was seen: it is found by its id from then on."""
        if record.spot.number % ONE_IN:
            return []
        file = AttachedFile(record.spot.id, f"Record ({record.spot.id[-4:]})\\scan.pdf", 100 + record.spot.number)
        return [self._files.setdefault(file.id, file)]
