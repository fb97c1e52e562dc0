"""A proxy in front of Jenkins that demands a TOTP code, as another plugin would. pyotp checks the codes.

The page is made up for the tests; it only relies on what HTML defines for a one-time code field.
"""

from __future__ import annotations

import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs

import pyotp
import requests

PAGE = """<!doctype html><title>Second factor</title><form action="verify" method="POST"><input type="hidden" name="state" value="s-1">
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code"></label><button>Go</button></form>"""


class CodeDoor:
    """A context manager. `url`: use it instead of that of Jenkins. `sent`: the codes received; each is accepted once.
    `page`: the challenge page."""

    def __init__(self, jenkins: str, secret: str, page: str = PAGE) -> None:
        self.jenkins, self.totp, self.page = jenkins, pyotp.TOTP(secret), page
        self.verified: set[str] = set()
        self.sent: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.serve(self, b"")

            def do_POST(self) -> None:
                door.serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, format: str, *arguments: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        cookie = (request.headers.get("Cookie") or "").partition("DOOR=")[2].split(";")[0]
        if request.path == "/tfaUserAuth/totp/":
            self._answer(request, 200, self.page.encode(), {"Content-Type": "text/html"})
        elif request.path == "/tfaUserAuth/totp/verify":
            self._verify(request, body)
        elif cookie not in self.verified:
            self._answer(request, 302, b"", {"Location": f"{self.url}/tfaUserAuth/totp/"})
        else:
            self._pass_on(request, body)

    def _verify(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        code = form.get("code", "")
        replayed = code in self.sent
        self.sent.append(code)
        if form.get("state") == "s-1" and not replayed and self.totp.verify(code, valid_window=1):
            cookie = secrets.token_hex(8)
            self.verified.add(cookie)
            self._answer(request, 302, b"", {"Location": f"{self.url}/", "Set-Cookie": f"DOOR={cookie}; Path=/; HttpOnly"})
        else:
            self._answer(request, 302, b"", {"Location": f"{self.url}/tfaUserAuth/totp/"})

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        names = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        answer = requests.request(
            request.command, self.jenkins + request.path, data=body, headers=headers, allow_redirects=False, timeout=10
        )
        self._answer(request, answer.status_code, answer.content, {"Content-Type": answer.headers.get("Content-Type", "text/plain")})

    @property
    def codes(self) -> int:
        return len(self.sent)

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


def another_secret(secret: str) -> str:
    """A key whose present code is different."""
    while (other := pyotp.random_base32()) == secret or pyotp.TOTP(other).at(int(time.time())) == pyotp.TOTP(secret).at(int(time.time())):
        continue
    return other
