"""Sets of record ids for tests: random ones, and such as are alike."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from source_acumatica.reading.record_ids import id_text


def random_ids(count, seed=0):
    """So many ids, the same ones each time."""
    source = random.Random(seed)
    return [id_text(source.randbytes(16)) for _ in range(count)]


def sequential_ids(count, first=0, step=1):
    """Ids that differ in few bits, as those that a database counts up."""
    return [id_text((first + number * step).to_bytes(16)) for number in range(count)]


SEEDS = st.integers(0, 2**32)
# Where in an id the counting happens: in its last byte, in its middle, in its first bytes.
STEPS = st.sampled_from([1, 2, 256, 2**64, 2**65 + 1, 2**112])
ID_SETS = st.one_of(
    st.builds(random_ids, st.integers(0, 60), SEEDS),
    st.builds(sequential_ids, st.integers(0, 60), SEEDS, STEPS),
)
