"""The web server in front of the site: sockets, requests and responses, and the connections that faults break."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from threading import Lock
from time import monotonic
from urllib.parse import parse_qsl, unquote, urlsplit

from integration_tests.simulator.access.identity import tenant_of
from integration_tests.simulator.control import Control
from integration_tests.simulator.site import Site
from integration_tests.simulator.store.clock import WRITERS, Clock, DateForm
from integration_tests.simulator.web.answers import NO_LENGTH, Answer, html
from integration_tests.simulator.web.requests import Request, RequestLog


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a connector may open dozens of connections at once

    def __init__(self, site: Site, clock: Clock, control: Control, requests: list[RequestLog], port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.site, self.clock, self.control, self.requests = site, clock, control, requests
        self._lock = Lock()
        self._connections: set[socket.socket] = set()

    def log(self, request: Request) -> RequestLog:
        form = request.form if request.path.startswith("/identity/") else {}
        grant = self.site.identity.grant_of(request.token)
        tenant = grant.tenant if grant else tenant_of(form)
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        entry = RequestLog(request.method, request.path, request.query, tenant, headers)
        with self._lock:
            self.requests.append(entry)
        return entry

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_request(self, request: object) -> None:
        self._connections.discard(request)
        super().close_request(request)  # type: ignore[arg-type]

    def hang_up(self) -> None:
        """End the connections that clients keep alive: a server that stopped answers nothing more."""
        for connection in list(self._connections):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news; an error of the simulator is, so it is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._work()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 (the names are the base class's)

    def parse_request(self) -> bool:
        """The base class reads the headers as those of an e-mail, which took longer than to answer most requests."""
        self.requestline = str(self.raw_requestline, "latin-1").rstrip("\r\n")
        self.command, _, rest = self.requestline.partition(" ")
        self.path, _, self.request_version = rest.rpartition(" ")
        self.fields = dict[str, str]()
        while line := self.rfile.readline().rstrip(b"\r\n"):
            name, separator, value = str(line, "latin-1").partition(":")
            if not separator:
                self.send_error(400)
                return False
            self.fields[name.lower()] = value.strip()
        self.close_connection = self.fields.get("connection", "").lower() == "close"
        return True

    def log_message(self, *args: object) -> None:
        """Requests are kept in memory, not written to the terminal."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.clock.web_server_now(), usegmt=True)

    def _work(self) -> None:
        request = self._read()
        if request is None:
            self._send(html(404, "404 - File or directory not found."))
        elif request.path.startswith("/_simulator/"):
            self._send(self.server.control.answer(request))
        else:
            entry = self.server.log(request)
            answer = self.server.site.answer(request)
            entry.status, entry.seconds = answer.status, monotonic() - entry.started
            self._send(answer)

    def _read(self) -> Request | None:
        """Nothing if the path is outside the virtual directory."""
        body = self.rfile.read(int(self.fields.get("content-length", 0)))
        parts = urlsplit(self.path)
        path, base = unquote(parts.path), self.server.site.settings.base_path
        if not path.startswith(base + "/"):
            return None
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(self.command, path.removeprefix(base), query, self.fields, body)

    def _send(self, answer: Answer) -> None:
        head = self._head(answer)
        if answer.stream is not None and answer.length is not None:
            self._plainly(head, answer.stream, answer.length)
        elif answer.stream is not None:
            self._stream(head, answer.stream)
        elif answer.sent is None:
            self.wfile.write(head + answer.body)
        else:
            self._break(b"" if answer.sent < 0 else head + answer.body[: answer.sent])

    def _head(self, answer: Answer) -> bytes:
        reason = self.responses.get(answer.status, ("Unknown", ""))[0]
        lines = [f"HTTP/1.1 {answer.status} {reason}", *self._dates(), "Cache-Control: no-cache"]
        if answer.status != 204:
            lines += [f"Content-Type: {answer.content_type}", _length(answer)]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _dates(self) -> list[str]:
        clock = self.server.clock
        if clock.date_form is DateForm.USUAL:
            return [f"Date: {self.date_time_string()}"]
        return [f"Date: {text}" for text in WRITERS[clock.date_form](clock.web_server_now())]

    def _plainly(self, head: bytes, pieces: Iterator[bytes], length: int) -> None:
        self.close_connection |= length == NO_LENGTH
        self.wfile.write(head)
        for piece in pieces:
            self.wfile.write(piece)

    def _stream(self, head: bytes, chunks: Iterator[bytes]) -> None:
        self.wfile.write(head)
        for chunk in chain(filter(None, chunks), [b""]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def _break(self, sent: bytes) -> None:
        self.wfile.write(sent)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _length(answer: Answer) -> str:
    """The header that says where the body ends."""
    if answer.stream is None:
        return f"Content-Length: {len(answer.body)}"
    if answer.length is None:
        return "Transfer-Encoding: chunked"
    return "Connection: close" if answer.length == NO_LENGTH else f"Content-Length: {answer.length}"
