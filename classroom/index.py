"""The classroom's index: what a Docker Engine asks for `docker search HOST:PORT/TERM`.

It answers two addresses of the registry's first API, the ones that Engines still use for searching:
`/v1/_ping` and `/v1/search`. The rows are recorded figures, with their sources, in index.json.
"""

import argparse
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DATA = Path(__file__).with_name("index.json")
TLS_HANDSHAKE = b"\x16"


def rows(data=DATA):
    """Return all recorded repositories, official ones first, then by stars."""
    sources = json.loads(Path(data).read_text(encoding="utf-8"))["sources"]
    found = [row for source in sources for row in source["rows"]]
    return sorted(found, key=lambda row: (not row["official"], -row["stars"], row["name"]))


def search(term, *, size=25, page=1, data=DATA):
    """Return one page of what matches, in the form that an Engine reads.

    Args:
        term: What to look for in names and descriptions, in small or capital letters.
        size: Rows a page, 1 to 100.
        page: Which page, from 1.
        data: The file with the recorded figures.

    Raises:
        ValueError: `size` or `page` is out of range.
    """
    if not 1 <= size <= 100:
        raise ValueError(f"The search asks for {size} rows a page; ask for 1 to 100.")
    if page < 1:
        raise ValueError(f"The search asks for page {page}; the first page is 1.")
    wanted = term.casefold()
    found = [
        {
            "name": row["name"],
            "description": row["description"],
            "star_count": row["stars"],
            "is_official": row["official"],
            "is_automated": row["automated"],
        }
        for row in rows(data)
        if wanted in row["name"].casefold() or wanted in row["description"].casefold()
    ]
    return {
        "num_pages": -(-len(found) // size),
        "num_results": len(found),
        "page": page,
        "page_size": size,
        "query": term,
        "results": found[(page - 1) * size : page * size],
    }


class Handler(BaseHTTPRequestHandler):
    """Answers an Engine's two questions."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self):
        # An Engine tries https first. Its greeting holds no line that could be answered, so close:
        # the Engine then asks again over http.
        try:
            greeting = self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return
        if greeting != TLS_HANDSHAKE:
            super().handle()

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/v1/_ping":
            return self.answer(200, {"standalone": True})
        if url.path != "/v1/search":
            return self.answer(404, {"message": f"There is no {url.path} here; try /v1/search."})
        asked = parse_qs(url.query)
        try:
            size = _number(asked, "n", 25)
            page = _number(asked, "page", 1)
            return self.answer(200, search(asked.get("q", [""])[0], size=size, page=page))
        except ValueError as error:
            return self.answer(400, {"message": str(error)})

    def answer(self, status, value):
        """Send a value as JSON, with the headers by which an Engine knows an index."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Docker-Registry-Version", "0.9.1")
        self.send_header("X-Docker-Registry-Standalone", "true")
        self.end_headers()
        self.wfile.write(body)


def _number(asked, name, default):
    text = asked.get(name, [str(default)])[0]
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"The search asks for {name}={text}; {name} is a number.") from None


class Server(ThreadingHTTPServer):
    """Takes in at once what many Engines ask at once."""

    daemon_threads = True
    request_queue_size = 1024  # an Engine that finds the queue full tries again after a second


def server(port):
    """Return a server on loopback that is bound and not yet running; port 0 takes a free one."""
    return Server(("127.0.0.1", port), Handler)


def main():
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m classroom.index", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    server(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()
