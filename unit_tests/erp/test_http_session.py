"""Tests of what every call carries."""

from __future__ import annotations

import requests

from source_acumatica.erp.http_session import Bearer, http_session

URL = "https://erp.example.com/AcumaticaERP"


def prepared(http):
    return http.prepare_request(requests.Request("GET", "http://localhost/"))


def test_a_call_says_who_asks_and_carries_the_token():
    http = http_session(URL)
    http.auth = Bearer("some-token")
    assert prepared(http).headers["Authorization"] == "Bearer some-token"
    assert prepared(http).headers["User-Agent"].startswith("airbyte-source-acumatica")


def test_a_netrc_file_of_this_machine_is_not_used(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert "Authorization" in prepared(requests.Session()).headers
    assert "Authorization" not in prepared(http_session(URL)).headers


def test_the_environment_s_proxy_and_certificates_are_used(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/some/certificates.pem")
    used = http_session(URL).merge_environment_settings(URL, {}, True, None, None)
    assert (used["proxies"]["https"], used["verify"]) == ("http://proxy:3128", "/some/certificates.pem")
    assert used == requests.Session().merge_environment_settings(URL, {}, True, None, None)
    monkeypatch.setenv("no_proxy", "erp.example.com")
    assert "https" not in http_session(URL).merge_environment_settings(URL, {}, True, None, None)["proxies"]
