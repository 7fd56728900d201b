"""Sessions of the HTTP library as every call to the instance needs them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import requests
from airbyte_cdk.sources.streams.http.tcp_keepalive import TcpKeepaliveHTTPAdapter
from requests.auth import AuthBase

CONNECT_TIMEOUT_SECONDS = 10
# Sign-ins and sign-outs are answered at once or not at all (a sign-out is not queued), unlike requests for data.
SIGN_TIMEOUT_SECONDS = 60
SHOW_ARCHIVED = {"PX-ApiArchive": "SHOW"}
"""The header without which archived records are hidden, in both APIs."""


def _user_agent() -> str:
    """By this the ERP's administrator finds these requests in a log; the library's name is that of many programs."""
    try:
        return f"{_PACKAGE}/{version(_PACKAGE)}"
    except PackageNotFoundError:  # run from its folder, without having been installed
        return _PACKAGE


_PACKAGE = "airbyte-source-acumatica"
_USER_AGENT = _user_agent()


class Bearer(AuthBase):
    """Signs requests; having one also keeps ``requests`` from sending what a .netrc file has for the host."""

    def __init__(self, token: str = "") -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token, if there is one."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def http_session(instance_url: str) -> requests.Session:
    """A session without a token; answers may take minutes, and gateways drop connections that stay silent.

    What the environment says of proxies and certificates is looked up once: ``requests`` would look through all of it
    again for each request, and all requests go to one host.
    """
    http = requests.Session()
    http.headers.update({"Accept": "application/json", "User-Agent": _USER_AGENT})
    http.auth = Bearer()
    for scheme in ("https://", "http://"):
        http.mount(scheme, TcpKeepaliveHTTPAdapter())
    found = http.merge_environment_settings(instance_url, {}, None, None, None)
    http.proxies, http.verify, http.trust_env = found["proxies"], found["verify"], False
    return http
