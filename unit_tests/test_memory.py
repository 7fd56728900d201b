"""Tests that the C library is asked for what only some have, wherever that is tried."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from source_acumatica.memory import return_large_buffers

# Frees a large buffer, after which glibc takes such buffers from a heap, and looks where the next one lies.
_TRIAL = """
import ctypes, sys
from source_acumatica.memory import return_large_buffers
if sys.argv[1:]:
    return_large_buffers()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.free(libc.malloc(20 * 1024**2))
address = libc.malloc(8 * 1024**2)
maps = [line.split() for line in open("/proc/self/maps")]
places = [each for each in maps if int(each[0].split("-")[0], 16) <= address < int(each[0].split("-")[1], 16)]
sys.stdout.write(places[0][-1] if places[0][-1].startswith("[") else "mapped")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT TESTED: only glibc has the parameter")
@pytest.mark.parametrize(("arguments", "place"), [([], "[heap]"), (["return"], "mapped")])
def test_a_large_buffer_does_not_come_from_a_heap(arguments, place):
    command = [sys.executable, "-c", _TRIAL, *arguments]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == place


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_is_left_as_it_is(monkeypatch, error):
    def refuse(_name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    return_large_buffers()
