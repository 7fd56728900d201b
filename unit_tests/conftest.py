"""What every test starts with: no secrets left over from another, no clock on examples."""

from __future__ import annotations

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from hypothesis import settings

# A slow machine is no defect of the code; the suite's own length is watched by its time as a whole.
settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests():
    """The CDK keeps the secrets to mask in one list for the whole process."""
    update_secrets([])
    yield
    update_secrets([])
