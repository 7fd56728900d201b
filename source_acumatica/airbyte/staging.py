"""Says where a file lies in the staging folder, and where the destination is to put it."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airbyte_cdk.sources.utils.files_directory import get_files_directory

# What a file system, an object store or a shell on the way may take for something else.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]|[\ud800-\udfff]')
# A name of 255 bytes is the longest that common file systems have; ours get a few characters more.
_LONGEST_NAME_BYTES, _LONGEST_SUFFIX_BYTES = 180, 20
_MARK_CHARACTERS = 16


# The platform gives the folder a few gigabytes, for all streams that are read at once.
_MOST_BYTES_WAITING = 512 * 1024**2
_LOOK_AGAIN_SECONDS = 0.2
# A destination that takes nothing for so long takes files at the end only, or leaves them where they are.
_LONGEST_WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Place:
    """The place of one file."""

    staged: Path
    """In the staging folder; no other file has it, not even the same one sent again: it may still be read there."""
    relative: str
    """In the destination: the same for the same file of the same record, so that a later revision replaces it."""


class Staging:
    """The staging folder, as one stream of one tenant uses it."""

    def __init__(self, stream: str, tenant: str) -> None:
        self._folders = safe_name(stream), safe_name(tenant)
        self._waiting: dict[Path, int] = {}
        self._waits = True
        # Another run may have left something there.
        self._run, self._numbers, self._lock = secrets.token_hex(4), itertools.count(1), threading.Lock()

    def place(self, key: Sequence[object], filename: str) -> Place:
        """The place for the file with this primary key; its folder is made.

        Raises:
            OSError: it cannot be made.
        """
        name = safe_name(last_part(filename))
        mark = hashlib.sha256("\x1f".join(map(str, key)).encode(errors="surrogatepass")).hexdigest()[:_MARK_CHARACTERS]
        with self._lock:
            number = next(self._numbers)
        stream, tenant = self._folders
        folder = Path(get_files_directory(), stream, tenant, f"{mark}-{self._run}-{number}")
        folder.mkdir(parents=True, exist_ok=True)
        return Place(folder / name, "/".join((stream, tenant, mark, name)))

    @property
    def folder(self) -> str:
        """The staging folder, for the user."""
        return get_files_directory()

    def sent(self, files: Iterable[tuple[str, int]]) -> None:
        """Note that the destination has been told of these; wait where it has too much to take already.

        It removes each file that it has taken.
        """
        self._waiting |= {Path(path): size_bytes for path, size_bytes in files}
        # It takes them one after another.
        while self._waiting and _is_taken(first := next(iter(self._waiting))):
            del self._waiting[first]
        since, left = time.monotonic(), math.inf
        while self._waits and (now := self._waiting_bytes()) > _MOST_BYTES_WAITING:
            if now < left:
                since, left = time.monotonic(), now
            elif time.monotonic() - since > _LONGEST_WAIT_SECONDS:
                self._waits = False
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _waiting_bytes(self) -> int:
        if sum(self._waiting.values()) > _MOST_BYTES_WAITING:
            self._waiting = {path: size_bytes for path, size_bytes in self._waiting.items() if not _is_taken(path)}
        return sum(self._waiting.values())

    @staticmethod
    def discard(staged: str) -> None:
        """Remove a file that nobody gets to know of, with its folder."""
        path = Path(staged)
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def _is_taken(staged: Path) -> bool:
    """Whether the destination has removed a file; the folder that it had for itself goes as well then."""
    if staged.exists():
        return False
    with suppress(OSError):
        staged.parent.rmdir()
    return True


def last_part(filename: str) -> str:
    """The name without its folders: the ERP puts the form and the record before it, behind a backslash."""
    return re.split(r"[\\/]", filename.rstrip("\\/"))[-1]


def safe_name(name: str) -> str:
    """The name as one part of a path: never empty, hidden, or leading elsewhere; too long ones keep their end."""
    safe = _UNSAFE.sub("_", name).strip(" .") or "_"
    stem, dot, suffix = safe.rpartition(".")
    ending = f".{suffix}" if dot and stem and len(suffix.encode()) <= _LONGEST_SUFFIX_BYTES else ""
    stem = stem if ending else safe
    return stem.encode()[: _LONGEST_NAME_BYTES - len(ending.encode())].decode(errors="ignore") + ending
