"""The classroom's mirror and index are gone, or another program is in their place."""

import json
import subprocess
import sys

import pytest

from helpers import images, registry, workspace
from helpers._internal import connection
from helpers._internal.errors import (
    EngineUnavailable,
    InvalidResponse,
    LessonError,
    RegistryUnreachable,
)
from tests.helpers.integration.faults import wrong

LAB = "python3 -m classroom lab"
NOWHERE = "127.0.0.1:9"
TOLD = {"index": "127.0.0.1:5051", "mirror": "127.0.0.1:5050", "mirrored": True}
STALE = {
    "empty": "",
    "cut short": '{"mirror": "127.0',
    "no JSON": "<html>",
    "no text": b"\xff\xfe",
    "too deep": "[" * 100_000,
    "a list": "[1, 2]",
    "null": "null",
    "nothing in it": "{}",
    "an unknown key": json.dumps(TOLD | {"color": "red"}),
    "no mirror": json.dumps({"index": TOLD["index"], "mirrored": True}),
    "a mirror that is null": json.dumps(TOLD | {"mirror": None}),
    "a mirror that is a number": json.dumps(TOLD | {"mirror": 5050}),
    "an index that is a list": json.dumps(TOLD | {"index": ["127.0.0.1:5051"]}),
    "an address without a port": json.dumps(TOLD | {"mirror": "127.0.0.1"}),
    "a port that is a word": json.dumps(TOLD | {"mirror": "127.0.0.1:http"}),
    "an address with another line": json.dumps(TOLD | {"index": "127.0.0.1:5051\nrm -r x"}),
    "mirrored that is a word": json.dumps(TOLD | {"mirrored": "false"}),
}


def first_cell():
    workspace.setup()
    images.pull("busybox")


@pytest.fixture
def told(world, monkeypatch, tmp_path):
    """Return a function that writes what the lessons are told of the classroom."""
    monkeypatch.setattr(connection, "SOURCES", tmp_path / "sources.json")

    def tell(content):
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "sources.json").write_bytes(content)

    return tell


@pytest.mark.parametrize("content", STALE.values(), ids=STALE)
def test_what_is_told_of_the_classroom_cannot_be_understood(told, content):
    told(content)
    wrong(EngineUnavailable, first_cell, "sources.json", LAB)
    wrong(EngineUnavailable, lambda: registry.search("busybox"), "sources.json", LAB)


def test_what_is_told_of_the_classroom_may_not_be_read(told, tmp_path):
    (tmp_path / "sources.json").mkdir()
    wrong(EngineUnavailable, first_cell, "sources.json", LAB)


def test_nothing_listens_where_the_classroom_was(told):
    told(json.dumps(TOLD | {"mirror": NOWHERE, "index": NOWHERE}))
    wrong(RegistryUnreachable, first_cell, "docker pull busybox", NOWHERE, LAB)
    wrong(RegistryUnreachable, lambda: registry.search("busybox"), "docker search", LAB)


@pytest.fixture
def web_server(tmp_path):
    """Python's own web server: a 404 for all but its own files."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield f"127.0.0.1:{server.stdout.readline().split()[5]}"
    server.kill()
    server.communicate()


def test_a_web_server_listens_where_the_classroom_was(told, web_server):
    told(json.dumps(TOLD | {"mirror": web_server, "index": web_server}))
    wrong(RegistryUnreachable, first_cell, "docker pull busybox", web_server, LAB)
    wrong(InvalidResponse, lambda: registry.search("busybox"), "docker search", LAB)


ANSWERS = {
    "a page": b"<html>hello",
    "an empty object": {},
    "a list": [1, 2],
    "no digest": {"config": {"digest": "sha256:0"}},
    "a digest and no manifest": (200, [], {"Docker-Content-Digest": "sha256:0"}),
    "a password": (401, b"who are you?", {}),
    "an error": (500, b"oops", {}),
    "a redirect to nowhere": (302, b"", {"Location": f"http://{NOWHERE}/"}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_program_that_says_yes_to_all_listens_where_the_mirror_was(told, serve, answer):
    server = serve()
    for method in ("GET", "HEAD"):
        server.answers[method, "/v2/library/busybox/manifests/latest"] = answer
        server.answers[method, "/v2/"] = answer
    told(json.dumps(TOLD | {"mirror": server.address}))
    wrong(RegistryUnreachable, first_cell, "docker pull busybox", server.address, LAB)


def test_a_push_to_the_mirror_says_that_it_takes_nothing_in(world):
    name = f"{connection.sources().mirror}/{world.me}/x:1"
    registry.tag("busybox", name)
    wrong(LessonError, lambda: images.push(name), "docker push", "read-only", "registry.start()")
    assert f"{world.me}/x" not in registry.catalog(connection.sources().mirror).repository.tolist()
