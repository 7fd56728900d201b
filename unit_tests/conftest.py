"""What every test starts with: no secrets left over from another."""

from __future__ import annotations

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests():
    """The CDK keeps the secrets to mask in one list for the whole process."""
    update_secrets([])
    yield
    update_secrets([])
