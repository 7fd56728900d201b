"""How all tests draw random cases."""

from __future__ import annotations

import os

from hypothesis import settings

# The same ones each time, so that a change is not refused for what it did not change; `make soak` draws new ones. No
# clock on them: a slow machine is no defect of the code.
settings.register_profile("the same", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("new", deadline=None, max_examples=60)
settings.load_profile("new" if os.environ.get("SOAK") else "the same")
