"""Tests that secrets are masked in every form, and that messages stay readable."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.masking import hide

from .test_config import REQUIRED, parsed

AWKWARD = "pä\"ss\\w+rd&=/%@ 'x'\t€(!)🙂"


def lowered(text):
    """With the percent codes in small letters, as .NET writes them."""
    return re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), text)


@pytest.mark.parametrize(
    "form",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        quote_plus,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        lambda secret: repr(secret)[1:-1],
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: lowered(quote(secret, safe="")),
        lambda secret: lowered(quote_plus(secret)),
        lambda secret: lowered(quote_plus(secret, safe="!*()")),
        lambda secret: secret.encode().decode("latin-1"),
    ],
    ids=str.split("plain percent form json-ascii json repr base64 small-percent small-form .NET Latin-1"),
)
@pytest.mark.parametrize("where", ["client_secret", "password", "own client_secret", "own password"])
def test_a_secret_is_masked_in_every_form_that_it_can_take(where, form):
    name = where.removeprefix("own ")
    if where.startswith("own "):
        parsed(tenants=["A", "B"], tenant_credentials=[{"tenant": "B", name: AWKWARD}])
    else:
        parsed(**{name: AWKWARD})
    masked = filter_secrets(f"before {form(AWKWARD)} behind")
    assert masked == "before **** behind"


@pytest.mark.parametrize("secret", ["e", "7", "at", "ist", "%", " "])
def test_a_secret_that_is_part_of_half_of_all_words_leaves_messages_readable(secret):
    parsed(password=secret, client_secret="s3cret-long")
    text = "Tenant 'East', stream Customer: 75% of the list is read (at 7:17)."
    assert filter_secrets(text) == text


@pytest.mark.parametrize("text", ["password=e&scope", '{"password": "e"}', '{"password":"e"}', "{'password': 'e'}"])
def test_a_short_secret_is_masked_where_its_name_stands_before_it(text):
    parsed(password="e")
    assert "****" in filter_secrets(text)


def test_secrets_are_masked_the_same_way_in_settings_that_are_refused():
    with pytest.raises(AirbyteTracedException) as caught:
        parsed(password="e", client_secret="hunter22", max_sessions=0, tenant_credentials=[{"password": "winter26"}, 5])
    assert filter_secrets(str(caught.value.message)) == caught.value.message
    assert filter_secrets("hunter22 winter26") == "**** ****"


def test_a_token_is_masked_once_it_is_hidden():
    hide("eyJhbGciOi.J9")
    assert filter_secrets("Authorization: Bearer eyJhbGciOi.J9") == "Authorization: Bearer ****"


def test_a_secret_that_begins_like_another_is_masked_to_its_end():
    parsed(
        tenants=["A", "B"],
        password="winter",
        tenant_credentials=[{"tenant": "B", "password": "winter2026"}],
    )
    assert "2026" not in filter_secrets("password=winter2026")


def test_a_default_secret_that_every_tenant_overrides_is_masked_too():
    parsed(tenant_credentials=[{"tenant": "Company", "password": "another"}])
    assert filter_secrets(REQUIRED["password"]) == "****"
