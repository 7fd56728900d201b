"""Nothing is sent to anywhere but the instance, wherever a redirect, a link or a description points."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from .comparison import differences
from .hostile_site import TENANT, content, only, read
from .hostile_site import erp as erp
from .hostile_site import once as once
from .simulator import Simulator
from .simulator.web.answers import Answer
from .test_faults import REQUESTS


class Thief:
    """A web server that is not the instance; whatever reaches it was given away."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                requests.append(f"{self.command} {self.path} {dict(self.headers)}")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = _take  # noqa: N815 (the names that the library calls)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def thief() -> Iterator[Thief]:
    server = Thief()
    yield server
    server.close()
    assert server.requests == []


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_no_redirect_is_followed(request_name: str, status: int, erp: Simulator, thief: Thief) -> None:
    """With 307, a sign-in would be sent again as it is: user, password and all."""
    path, stream = REQUESTS[request_name]
    redirect = Answer(status, headers={"Location": f"http://{thief.host}/AcumaticaERP/identity/connect/token"})
    destination = read(erp, stream, only(path, lambda _answer: redirect))
    assert thief.requests == []
    if request_name == "sign-out":
        erp.clock.advance(erp.sessions.idle_seconds)
    said = [*(error["message"] for error in destination.errors), *destination.warnings]
    assert [
        each for each in said if re.search("led to another page|signing in is not possible|signing out failed", each)
    ]


OFF_THE_SERVICE = (
    "http://{thief}/t/Company/api/odata/gi/SOOrder",
    "//{thief}/t/Company/odata/dac/SOOrder",
    "\\\\{thief}/SOOrder",
    "/\\{thief}/SOOrder",
    "http://user@{thief}/SOOrder",
    "{root}@{thief}/SOOrder",
    "{root}/../../../../../../entity/auth/logout",
    "{root}/%2e%2e/%2e%2e/gi/BI-Customers",
    "../../../../entity",
    "..\\..\\entity",
    "/entity/auth/logout",
    "file:///etc/passwd",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("link", OFF_THE_SERVICE)
@pytest.mark.parametrize("request_name", ["deleted", "flagged"])
def test_no_link_off_the_service_is_followed(request_name: str, link: str, erp: Simulator, thief: Thief) -> None:
    path, stream = REQUESTS[request_name]
    root = f"{erp.url}/t/{TENANT}/api/odata/dac"
    evil = link.format(thief=thief.host, root=root)
    destination = read(erp, stream, only(path, content(lambda answer: {**answer, "@odata.nextLink": evil})))
    assert thief.requests == []
    assert [each for each in destination.warnings if f"leads off {root}; it is not followed" in each]
    assert all("/odata/" in one.path or one.path.startswith(("/entity", "/identity")) for one in erp.requests)
    assert not [one for one in erp.requests if one.path.endswith("logout") and one.status != 204]


@pytest.mark.parametrize("stream", ["gi__BI-Customers", "dac__SOOrder"])
def test_a_link_in_an_ordered_list_only_says_that_it_goes_on(stream: str, erp: Simulator, thief: Thief) -> None:
    link = f"http://{thief.host}/more"

    def linked(answer: Answer) -> Answer:
        # The row that is held back comes again with the one in front of it, until the list shows nothing else.
        name, repeated = (b'"NoteID"', 1) if "dac" in stream else (b'"CustomerID"', 2)
        is_long = answer.body.count(name) > repeated
        return replace(answer, body=answer.body[:-1] + f',"@odata.nextLink":"{link}"}}'.encode()) if is_long else answer

    destination = read(erp, stream, only(f"/{stream.partition('__')[2]}\\?", linked))
    assert thief.requests == []
    assert differences(destination, erp, [TENANT]) == []


def test_addresses_in_descriptions_are_not_used(erp: Simulator, thief: Thief) -> None:
    def elsewhere(document: Any) -> Any:
        text = (
            json.dumps(document)
            .replace(erp.url, f"http://{thief.host}/x")
            .replace('"/AcumaticaERP/', f'"//{thief.host}/')
        )
        return json.loads(text)

    destination = read(erp, "Customer", only("/entity$|swagger.json", content(elsewhere)))
    assert thief.requests == []
    assert differences(destination, erp, [TENANT]) == []


@pytest.mark.parametrize(
    "version",
    [
        "99/../../..",
        "..",
        "../../../x",
        "24.900.1/../../auth",
        "24.900.1?x=",
        "24.200.001/../../auth/logout?",
        "9 9",
        "\\..",
        "",
    ],
)
def test_an_endpoint_that_is_named_like_a_path_is_none(version: str, erp: Simulator) -> None:
    def worse(listing: dict[str, Any]) -> dict[str, Any]:
        evil = [{"name": "Default", "version": version}, {"name": f"../{version}", "version": "99.200.001"}]
        return {**listing, "endpoints": [*listing["endpoints"], *evil]}

    destination = read(erp, "Customer", only("/entity$", content(worse)))
    assert differences(destination, erp, [TENANT]) == []
    assert {one.path for one in erp.requests if "swagger" in one.path} == {"/entity/Default/24.200.001/swagger.json"}
