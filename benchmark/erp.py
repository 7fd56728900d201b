"""A simulated ERP in a process of its own, so that its work is not measured as the connector's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from integration_tests.simulator import Simulator
from integration_tests.simulator.odata import table_service
from integration_tests.simulator.odata.dialects import Version
from integration_tests.simulator.odata.metadata import inquiries_metadata, tables_metadata

# A web server sends a long answer in pieces of about this size.
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Download:
    """One answered request for a description."""

    tenant: str
    feed: str
    """The last part of the feed's address: ``gi`` or ``dac``."""
    size_bytes: int


@dataclass(frozen=True)
class Erp:
    """The ERP in the other process."""

    config: dict[str, Any]
    """Settings of the connector that reach it."""
    _line: Connection

    def downloads(self) -> list[Download]:
        """The descriptions that were downloaded since the last time somebody asked."""
        self._line.send("downloads")
        found: list[Download] = self._line.recv()
        return found


@contextmanager
def serving(tenants: Sequence[str], metadata_megabytes: float, **options: Any) -> Iterator[Erp]:
    """An ERP whose description of its tables has this size."""
    # Not forked: the process is to be an ERP from the start, whatever this one has loaded.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, tenants, metadata_megabytes, options), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Erp(ours.recv(), ours)
    finally:
        ours.close()
        process.join()


def _serve(line: Connection, tenants: Sequence[str], metadata_megabytes: float, options: dict[str, Any]) -> None:
    """Work until the other end of the line is closed."""
    tables = _in_pieces(b"".join(tables_metadata(metadata_megabytes)))
    # Made once: the simulator would make the description for each request, and send it in 7,000 pieces.
    table_service.tables_metadata = lambda *_asked: iter(tables)
    sizes = {"dac": sum(map(len, tables)), "gi": sum(map(len, inquiries_metadata(Version.V4)))}
    with Simulator(tenants, inflate_metadata_mb=metadata_megabytes, **options) as simulator:
        line.send(simulator.config())
        while _is_asked(line):
            line.send(list(_taken_downloads(simulator, sizes)))


def _in_pieces(document: bytes) -> list[bytes]:
    return [document[start : start + _PIECE_BYTES] for start in range(0, len(document), _PIECE_BYTES)]


def _is_asked(line: Connection) -> bool:
    try:
        line.recv()
    except EOFError:  # the benchmark is at its end
        return False
    return True


def _taken_downloads(simulator: Simulator, sizes: dict[str, int]) -> Iterator[Download]:
    taken, simulator.requests[:] = list(simulator.requests), []
    for each in taken:
        if each.path.endswith("/$metadata") and each.status == 200:
            feed = each.path.removesuffix("/$metadata").rpartition("/")[2]
            yield Download(each.tenant, feed, sizes[feed])
