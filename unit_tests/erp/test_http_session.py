"""Tests of what every call carries."""

from __future__ import annotations

import requests

from source_acumatica.erp.http_session import Bearer, http_session


def prepared(http):
    return http.prepare_request(requests.Request("GET", "http://localhost/"))


def test_a_call_says_who_asks_and_carries_the_token():
    http = http_session()
    http.auth = Bearer("some-token")
    assert prepared(http).headers["Authorization"] == "Bearer some-token"
    assert prepared(http).headers["User-Agent"].startswith("airbyte-source-acumatica")


def test_a_netrc_file_of_this_machine_is_not_used(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert "Authorization" in prepared(requests.Session()).headers
    assert "Authorization" not in prepared(http_session()).headers
