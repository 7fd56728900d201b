"""Explains why a request got no answer: which host and port were called, and which setting may be wrong."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError

NetworkError = (OSError, LocationParseError)
"""What sending a request may raise: all errors of ``requests`` are OSErrors, that of an impossible host is not."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_PROXY_SETTINGS = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY"
_CA_SETTINGS = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"


def place_of(url: str | None) -> str:
    """The host and the port of an address, without anything that might be secret in it."""
    parts = urlsplit(url or "")
    if not parts.hostname:
        return "the instance"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)}"


def wrong_setting(error: Exception, url: str | None) -> str | None:
    """The sentence about a setting, of the connection or this machine, that prevents every request, if any."""
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException) and "TLS" in str(error):
        return f"the file with certificate authorities that {_CA_SETTINGS} names on this machine is not there"
    if any(isinstance(each, ssl.SSLError) and getattr(each, "library", "") == "X509" for each in causes(error)):
        return f"the file that {_CA_SETTINGS} names on this machine holds no certificates"
    if isinstance(error, requests.exceptions.ProxyError) and any(" 407 " in str(each) for each in causes(error)):
        return f"the proxy of this machine ({_PROXY_SETTINGS}) wants a user name and a password (407)"
    if not isinstance(error, LocationParseError | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return None
    if isinstance(error, requests.exceptions.InvalidProxyURL) or _has_proxy(url):
        return (
            "the address of this machine's proxy cannot be used, so instance_url is not reached: correct or unset "
            f"{_PROXY_SETTINGS}"
        )
    return "instance_url is not an address that may be called"


def unreachable(error: Exception, url: str | None) -> str:
    """The sentence about a host that did not answer, with the reason if it is known; it quotes nothing."""
    place = f"({', '.join([place_of(url), *_why(error)])})"
    if isinstance(error, requests.exceptions.ProxyError):
        return (
            f"the instance cannot be reached through the proxy of this machine {place}: check that proxy "
            f"({_PROXY_SETTINGS}), and that it lets requests to this host pass"
        )
    return f"the instance cannot be reached: check instance_url and the network {place}"


def no_tls(error: Exception, url: str | None) -> str:
    """The sentence about a connection that cannot be encrypted."""
    place = place_of(url)
    refusal = next((each for each in causes(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if refusal:
        return (
            f"the instance's TLS certificate is not accepted ({place}, {refusal.verify_message.rstrip('.')}): check "
            f"instance_url; where your company signs its own, {_CA_SETTINGS} has to name a file with its authority"
        )
    return (
        f"no encrypted connection to {place} is possible: check instance_url, that the port speaks https, and the TLS "
        "certificate"
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, which libraries attach in three ways."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__context__, one.__cause__, getattr(one, "reason", None), *one.args]


def let_go(error: BaseException) -> None:
    """Let go of what the functions hold that the error and its causes came through; where they are stays known."""
    for each in causes(error):
        traceback.clear_frames(each.__traceback__)


def _has_proxy(url: str | None) -> bool:
    return bool(url and select_proxy(url, get_environ_proxies(url)))


def _why(error: Exception) -> Iterator[str]:
    """The reason, if it is known; at most one."""
    for each in causes(error):
        match each:
            case socket.gaierror():
                yield "its name is not known"
                return
            case ConnectionRefusedError():
                yield "nothing listens there"
                return
            case requests.exceptions.ConnectTimeout() | TimeoutError():
                yield "connecting timed out"
                return
