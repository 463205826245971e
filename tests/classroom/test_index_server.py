"""The index: its answers, its rows, and a real `docker search` that asks it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from classroom import index
from classroom.files import read_json
from tests.classroom.conftest import get, get_json


def test_ping_says_that_this_is_a_registry(own):
    status, headers, body = get(own["index"], "/v1/_ping")
    assert status == 200
    assert headers["X-Docker-Registry-Version"]
    assert headers["X-Docker-Registry-Standalone"] == "true"
    assert json.loads(body) == {"standalone": True}


def test_search_looks_in_names_and_descriptions_without_regard_to_case(own):
    _, by_name = get_json(own["index"], "/v1/search?q=BusyBox")
    assert [row["name"] for row in by_name["results"]][:2] == ["busybox", "progrium/busybox"]
    assert by_name["num_results"] == 6
    _, by_description = get_json(own["index"], "/v1/search?q=extra%20goodies")
    assert [row["name"] for row in by_description["results"]] == ["ggtools/busybox-ubuntu"]
    assert get_json(own["index"], "/v1/search?q=nothing-like-it")[1]["results"] == []


def test_official_comes_first_then_stars(own):
    rows = get_json(own["index"], "/v1/search?q=n")[1]["results"]
    order = [(not row["is_official"], -row["star_count"]) for row in rows]
    assert order == sorted(order)


def test_search_gives_pages(own):
    first = get_json(own["index"], "/v1/search?q=nginx&n=4")[1]
    second = get_json(own["index"], "/v1/search?q=nginx&n=4&page=2")[1]
    assert (first["num_pages"], first["num_results"], first["page_size"]) == (3, 10, 4)
    names = [row["name"] for row in first["results"] + second["results"]]
    assert len(set(names)) == 8


@pytest.mark.parametrize("number", ["0", "101", "-1", "many"])
def test_a_wrong_number_of_rows_is_refused_with_a_sentence(own, number):
    status, answer = get_json(own["index"], f"/v1/search?q=busybox&n={number}")
    assert status == 400
    assert number in answer["message"] and answer["message"].endswith(".")


def test_https_is_hung_up_on_at_once(own):
    host, _, port = own["index"].partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        start = time.monotonic()
        connection.sendall(b"\x16\x03\x01\x00\x05hello")
        try:
            assert connection.recv(10) == b""
        except ConnectionResetError:
            pass  # closed with our greeting unread: as good
        assert time.monotonic() - start < 1


def test_the_rows_are_those_of_the_sources():
    data = json.loads(index.DATA.read_text())
    stars = [[(row["name"], row["stars"]) for row in source["rows"]] for source in data["sources"]]
    assert stars == [
        [
            ("busybox", 2231),
            ("progrium/busybox", 70),
            ("radial/busyboxplus", 39),
            ("yauritux/busybox-curl", 15),
            ("emccorp/busybox", 0),
            ("ggtools/busybox-ubuntu", 0),
        ],
        [
            ("nginx", 5441),
            ("jwilder/nginx-proxy", 953),
            ("richarvey/nginx-php-fpm", 353),
            ("million12/nginx-php", 75),
            ("webdevops/php-nginx", 70),
            ("h3nrik/nginx-ldap", 35),
            ("bitnami/nginx", 23),
            ("evild/alpine-nginx", 14),
            ("million12/nginx", 9),
            ("maxexcloo/nginx", 7),
        ],
    ]
    for source in data["sources"]:
        assert source["title"] and source["date"] and source["url"].startswith("https://")
        assert [row["name"] for row in source["rows"] if row["official"]] == [
            source["rows"][0]["name"]
        ]


def docker_search(client, *arguments):
    docker = shutil.which("docker")
    assert docker, "the docker command is missing; install docker.io or docker-cli"
    command = [docker, "--host", client.host, "search", "--format", "{{.Name}} {{.StarCount}}"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_docker_search_finds_what_the_index_has(client, own):
    found = docker_search(client, f"{own['index']}/busybox")
    assert found[0] == "busybox 2231"
    assert len(found) == 6


def test_docker_search_filters(client, own):
    filters = ["--filter", "is-official=true", "--filter", "stars=3", "--limit", "2"]
    assert docker_search(client, *filters, f"{own['index']}/busybox") == ["busybox 2231"]
    assert docker_search(client, *filters, f"{own['index']}/nginx") == ["nginx 5441"]


def test_a_burst_of_connections_is_taken_at_once(own, own_state):
    """As of thirty Engines, which ask by HTTPS first: one that finds no room waits a second.

    The index is held meanwhile, as by a busy machine: it takes no connection in.
    """
    host, _, port = own["index"].partition(":")
    pid = read_json(own_state / "stand-in.json")["index"]["process"]["pid"]
    connections = [socket.socket() for _ in range(120)]
    os.kill(pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        for connection in connections:
            connection.settimeout(0.5)
            connection.connect((host, int(port)))
        taken = time.monotonic() - start
    finally:
        os.kill(pid, signal.SIGCONT)
    assert taken < 0.5
    for connection in connections:
        connection.settimeout(10)
        connection.sendall(b"GET /v1/search?q=busybox HTTP/1.1\r\nHost: x\r\n\r\n")
    for connection in connections:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        connection.close()


def test_thirty_searches_at_once_all_find_the_same(client, own):
    with ThreadPoolExecutor(30) as pool:
        found = pool.map(lambda _: docker_search(client, f"{own['index']}/busybox"), range(30))
        assert {len(rows) for rows in found} == {6}
