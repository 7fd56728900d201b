"""Tests that what is made of a description once in a process of tests is what would be made of it each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from source_acumatica.contract import discovery
from source_acumatica.erp.json_text import BrokenTextError
from source_acumatica.odata import metadata

from .harness import discover
from .simulator import Simulator


def test_a_catalog_does_not_tell_which_site_it_was_found_at_first() -> None:
    found = []
    for lacking in ("", "Customer", ""):
        with Simulator(("Company",), rows=1) as sim:
            sim.tenant("Company").lacks.update({lacking} - {""})
            found.append(discover(sim.config(generic_inquiries=[])))
    first, lacking_one, again = found
    assert first == again
    assert first.keys() - lacking_one.keys() == {name for name in first if name.split("__")[0] == "Customer"}


def test_a_text_that_is_refused_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(BrokenTextError):
            discovery.decode(discovery._DOCUMENT, b'{"paths": {')
        with pytest.raises(metadata.MetadataError):
            metadata.read_metadata([b"<Edmx>"], lambda *_names: True)


def test_a_description_that_does_not_end_is_not_waited_for() -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        yield b"no description"
        while True:
            taken.append(1)
            yield b" " * 100_000

    with pytest.raises(metadata.MetadataError):
        metadata.read_metadata(endless(), lambda *_names: True)
    assert len(taken) < 30
