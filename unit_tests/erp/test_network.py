"""Tests what is said of a request that got no answer: host and port, and the setting that may be behind it."""

from __future__ import annotations

import socket
import ssl
import weakref

import pytest
import requests
from airbyte_cdk.models import FailureType
from urllib3.exceptions import LocationParseError

from source_acumatica.erp.answers import read_exception
from source_acumatica.erp.errors import Action
from source_acumatica.erp.network import let_go, place_of

URL = "https://erp.example.com/AcumaticaERP/identity/connect/token"
CONFIG, TRANSIENT = FailureType.config_error, FailureType.transient_error


def caused(error, cause):
    """As ``requests`` hands on what a library below it raised."""
    error.__context__ = cause
    return error


def certificate(text):
    refusal = ssl.SSLCertVerificationError(1, f"certificate verify failed: {text}")
    refusal.verify_message = text
    return refusal


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (URL, "erp.example.com:443"),
        ("https://erp.example.com:8443/x", "erp.example.com:8443"),
        ("http://localhost/x", "localhost:80"),
        ("https://[::1]:9/", "[::1]:9"),
        ("https://user:secret@erp.example.com/", "erp.example.com:443"),
        ("", "the instance"),
        (None, "the instance"),
    ],
)
def test_a_place_is_a_host_and_a_port(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (caused(requests.ConnectionError(), socket.gaierror(-2, "x")), ", its name is not known)"),
        (caused(requests.ConnectionError(), ConnectionRefusedError(111, "x")), ", nothing listens there)"),
        (requests.ConnectTimeout(), ", connecting timed out)"),
        (requests.ConnectionError(ConnectionRefusedError(111, "x")), ", nothing listens there)"),
        (requests.ConnectionError(), "check instance_url"),
    ],
    ids=["name", "refused", "time-out", "as an argument", "unknown"],
)
def test_a_host_that_does_not_answer_is_named_with_its_port_and_the_reason(error, why):
    problem = read_exception(error, URL)
    assert (problem.action, problem.failure_type) == (Action.RETRY, TRANSIENT)
    assert problem.sentence.startswith("the instance cannot be reached")
    assert "(erp.example.com:443" in problem.sentence
    assert why in problem.sentence


def test_a_certificate_that_is_not_accepted_is_quoted_and_an_own_authority_is_thought_of():
    error = caused(requests.exceptions.SSLError(), certificate("self-signed certificate"))
    sentence = read_exception(error, URL).sentence
    assert "TLS certificate is not accepted (erp.example.com:443, self-signed certificate)" in sentence
    assert "REQUESTS_CA_BUNDLE" in sentence


def test_a_port_that_does_not_speak_https_is_thought_of():
    sentence = read_exception(requests.exceptions.SSLError(), URL).sentence
    assert "that the port speaks https" in sentence
    assert "erp.example.com:443" in sentence


def unreadable_authorities():
    error = ssl.SSLError(136, "no certificate or crl found")
    error.library = "X509"
    return caused(requests.exceptions.SSLError(), error)


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /x"), "REQUESTS_CA_BUNDLE"),
        (unreadable_authorities(), "holds no certificates"),
        (requests.exceptions.InvalidProxyURL(), "HTTPS_PROXY"),
        (requests.exceptions.InvalidURL(), "instance_url"),
        (LocationParseError("erp..example.com"), "instance_url"),
        (
            caused(requests.exceptions.ProxyError(), OSError("Tunnel connection failed: 407 Proxy Authentication")),
            "user name and a password",
        ),
    ],
    ids=["no file", "no certificates", "proxy", "address", "host name", "proxy's password"],
)
def test_a_setting_with_which_nothing_can_be_sent_is_named_and_not_tried_again(error, setting):
    problem = read_exception(error, URL)
    assert (problem.action, problem.failure_type) == (Action.STOP, CONFIG)
    assert setting in problem.sentence


@pytest.mark.parametrize(
    "error",
    [requests.exceptions.InvalidURL(), requests.exceptions.InvalidSchema(), LocationParseError("x")],
    ids=["address", "kind", "host name"],
)
def test_where_there_is_a_proxy_it_is_its_address_that_cannot_be_used(error, monkeypatch):
    """The instance's own has been looked at with the settings."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:secret@proxy.example.com")
    problem = read_exception(error, URL)
    assert problem.failure_type is CONFIG
    assert "HTTPS_PROXY" in problem.sentence
    assert "secret" not in problem.sentence


def test_a_proxy_that_does_not_answer_is_not_taken_for_the_instance():
    error = caused(requests.exceptions.ProxyError(), ConnectionRefusedError())
    problem = read_exception(error, URL)
    assert (problem.action, problem.failure_type) == (Action.RETRY, TRANSIENT)
    assert "through the proxy of this machine (erp.example.com:443, nothing listens there)" in problem.sentence


def test_any_other_error_of_the_operating_system_is_a_fault_of_the_network():
    assert read_exception(OSError("Too many open files"), URL).action is Action.RETRY


class Page(list):
    pass


def test_an_error_that_is_kept_keeps_nothing_of_what_was_being_read():
    left = []

    def pages():
        try:
            yield Page([1])
            yield Page([2])
        finally:
            left.append("closed")

    def read():
        for page in pages():
            watched.append(weakref.ref(page))
            raise ValueError

    def reads():
        try:
            read()
        except ValueError as error:
            raise LookupError from error

    watched = []
    with pytest.raises(LookupError) as caught:
        reads()
    assert watched[0]() is not None
    let_go(caught.value)
    assert (watched[0](), left) == (None, ["closed"])
