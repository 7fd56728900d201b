"""Has the C library give large buffers back as soon as they are freed."""

from __future__ import annotations

import ctypes

# The parameter M_MMAP_THRESHOLD of glibc (malloc.h), and what counts as large: pages have megabytes, single values not.
_MAPPED_FROM, _LARGE_BYTES = -3, 1024**2


def return_large_buffers() -> None:
    """Have each large buffer mapped by itself, which is glibc's rule until the first one is freed.

    From then on it takes buffers of that size from the heaps of its threads, where they leave holes: with four sessions
    that was a quarter of all memory. Other C libraries do not have the function, or ignore it.
    """
    try:
        ctypes.CDLL(None).mallopt(_MAPPED_FROM, _LARGE_BYTES)
    except (AttributeError, OSError, TypeError):  # macOS has no such function, and Windows no such library
        return
