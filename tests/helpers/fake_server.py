"""A small server on loopback that gives recorded answers: an Engine's, a registry's, an index's."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

RECORDED = Path(__file__).parent / "recorded"


def recorded(name):
    """Read a recorded answer."""
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


class Stream:
    """An answer in pieces, as the Engine sends what it has not got to the end of.

    Args:
        pieces: Bytes, or values that become a line of JSON each.
    """

    def __init__(self, *pieces):
        self.pieces = pieces

    def write(self, file):
        """Write the pieces in chunks, each as soon as it is there."""
        for piece in self.pieces:
            data = piece if isinstance(piece, bytes) else json.dumps(piece).encode() + b"\r\n"
            file.write(b"%x\r\n%s\r\n" % (len(data), data))
        file.write(b"0\r\n\r\n")


class FakeServer:
    """Gives each path the answer that was set for it, and keeps what it was asked.

    Attributes:
        answers: (method, path) -> the answer: a value for JSON, bytes as they are, a `Stream`,
            or (status, value, headers).
        asked: A list of (method, path, query, headers, body), in order.
    """

    def __init__(self):
        self.answers, self.asked = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            default_request_version = "HTTP/1.0"  # HTTPS, too, gets an answer with a status

            def answer(self):
                outer.answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def answer(self, handler):
        """Answer one request."""
        parts = urlsplit(handler.path)
        path = re.sub(r"^/v1\.\d+", "", parts.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        query = parse_qs(parts.query)
        self.asked.append((handler.command, path, query, handler.headers, body))
        why = "No such image" if path.startswith("/images/") else "the test has no answer"
        missing = (404, {"message": f"{why}: {handler.command} {path}"}, {})
        answer = self.answers.get((handler.command, path), missing)
        status, value, headers = answer if isinstance(answer, tuple) else (200, answer, {})
        handler.send_response(status)
        if isinstance(value, Stream):
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            return value.write(handler.wfile)
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        for key, word in headers.items():
            handler.send_header(key, word)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    def close(self):
        """End the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
