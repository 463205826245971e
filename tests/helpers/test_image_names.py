"""Names of images: the grammar that Docker has for them."""

import pytest

from helpers import registry
from helpers._internal import connection, distribution
from helpers._internal.errors import InvalidInput

D = "sha256:" + "0123456789abcdef" * 4
HOST, NAMESPACE, TAG = "host", "namespace", "tag"

# name, host, port, namespace, repository, tag, digest, what Docker fills in, familiar
GOOD = [
    ("busybox", "docker.io", "", "library", "busybox", "latest", "", {HOST, NAMESPACE, TAG},
     "busybox:latest"),
    ("busybox:1.35.0", "docker.io", "", "library", "busybox", "1.35.0", "", {HOST, NAMESPACE},
     "busybox:1.35.0"),
    (f"busybox@{D}", "docker.io", "", "library", "busybox", "", D, {HOST, NAMESPACE},
     f"busybox@{D}"),
    (f"ada/hello:1@{D}", "docker.io", "", "ada", "hello", "1", D, {HOST}, None),
    ("library/busybox", "docker.io", "", "library", "busybox", "latest", "", {HOST, TAG},
     "busybox:latest"),
    ("docker.io/busybox", "docker.io", "", "library", "busybox", "latest", "", {NAMESPACE, TAG},
     "busybox:latest"),
    ("docker.io/library/busybox:latest", "docker.io", "", "library", "busybox", "latest", "",
     set(), "busybox:latest"),
    ("index.docker.io/library/busybox:1", "docker.io", "", "library", "busybox", "1", "", set(),
     "busybox:1"),
    ("ada/hello", "docker.io", "", "ada", "hello", "latest", "", {HOST, TAG}, "ada/hello:latest"),
    ("ada/b/c:2", "docker.io", "", "ada/b", "c", "2", "", {HOST}, "ada/b/c:2"),
    ("library/ada/c:2", "docker.io", "", "library/ada", "c", "2", "", {HOST}, "library/ada/c:2"),
    ("127.0.0.1:5052/ada/hello:1.0", "127.0.0.1", "5052", "ada", "hello", "1.0", "", set(),
     "127.0.0.1:5052/ada/hello:1.0"),
    ("127.0.0.1:5052/hello", "127.0.0.1", "5052", "", "hello", "latest", "", {TAG},
     "127.0.0.1:5052/hello:latest"),
    (f"127.0.0.1:5052/ada/hello@{D}", "127.0.0.1", "5052", "ada", "hello", "", D, set(),
     f"127.0.0.1:5052/ada/hello@{D}"),
    ("localhost/hello", "localhost", "", "", "hello", "latest", "", {TAG},
     "localhost/hello:latest"),
    ("localhost:5000/a/b/c:x", "localhost", "5000", "a/b", "c", "x", "", set(),
     "localhost:5000/a/b/c:x"),
    ("Registry.Example.com/a", "Registry.Example.com", "", "", "a", "latest", "", {TAG}, None),
    ("ghcr.io/astral-sh/uv:0.5", "ghcr.io", "", "astral-sh", "uv", "0.5", "", set(),
     "ghcr.io/astral-sh/uv:0.5"),
    ("a_b/c__d.e-f--g:A_b.C-9", "docker.io", "", "a_b", "c__d.e-f--g", "A_b.C-9", "", {HOST},
     "a_b/c__d.e-f--g:A_b.C-9"),
    ("127.0.0.1:5052", "docker.io", "", "library", "127.0.0.1", "5052", "", {HOST, NAMESPACE},
     "127.0.0.1:5052"),
    ("localhosts/hello", "docker.io", "", "localhosts", "hello", "latest", "", {HOST, TAG},
     "localhosts/hello:latest"),
    ("x:" + "t" * 128, "docker.io", "", "library", "x", "t" * 128, "", {HOST, NAMESPACE}, None),
]  # fmt: skip
BAD = [
    "",
    " ",
    "Busybox",
    "ada/Hello",
    "busybox latest",
    " busybox",
    "busybox\n",
    "busybox:",
    "busybox@",
    "busybox:la test",
    "busybox:-x",
    "busybox:.x",
    "busybox:ü",
    "x:" + "t" * 129,
    "b:1:2",
    "/busybox",
    "busybox/",
    "a//b",
    "a..b",
    "a___b",
    "-a",
    "a-",
    "_a/b",
    "bücher",
    "https://example.com/a",
    "127.0.0.1:5052/",
    "127.0.0.1:port/a",
    "example.com:/a",
    "busybox@sha256:12",
    f"busybox@{D[:-1]}",
    f"busybox@{D}0",
    f"busybox@{D.replace('a', 'A')}",
    f"busybox@{D}@{D}",
    "busybox@latest",
    D.removeprefix("sha256:"),
    "a" * 256,
]


@pytest.mark.parametrize(
    ("name", "host", "port", "namespace", "repository", "tag", "digest", "filled_in", "familiar"),
    GOOD,
    ids=[row[0][:40] for row in GOOD],
)
def test_a_name_in_its_parts(
    name, host, port, namespace, repository, tag, digest, filled_in, familiar
):
    parts = distribution.parse(name).parts()
    assert list(parts) == ["host", "port", "namespace", "repository", "tag", "digest"]
    assert list(parts.values()) == [host, port, namespace, repository, tag, digest]
    table = registry.reference(name)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "part": "str",
        "value": "str",
        "filled_in": "bool",
    }
    assert dict(zip(table.part, table.value, strict=True)) == parts
    assert set(table.part[table.filled_in]) == filled_in
    if familiar:
        assert distribution.parse(name).familiar == familiar
        assert distribution.parse(familiar).familiar == familiar


@pytest.mark.parametrize("name", BAD, ids=[repr(name)[:40] for name in BAD])
def test_a_name_that_no_image_can_have(name):
    with pytest.raises(InvalidInput) as caught:
        distribution.parse(name)
    assert repr(name) in str(caught.value)


def test_a_number_is_no_name():
    with pytest.raises(InvalidInput, match="a name is a text. Write it between quotation marks"):
        distribution.parse(5)


def test_a_host_in_ipv6_is_read_whole_or_refused():
    """Docker reads it since 24; 20.10 refuses it."""
    try:
        parts = distribution.parse("[::1]:5000/hello")
    except InvalidInput:
        return
    assert (parts.host, parts.port, parts.path) == ("[::1]", "5000", "hello")


def test_the_path_is_what_the_registry_knows():
    assert distribution.parse("busybox").path == "library/busybox"
    assert distribution.parse("127.0.0.1:1/hello").path == "hello"
    assert distribution.parse("127.0.0.1:1/a/b/c").path == "a/b/c"


@pytest.mark.parametrize(
    ("name", "mirror", "host", "path"),
    [
        ("busybox", None, distribution.HUB, "library/busybox"),
        ("busybox:1", "127.0.0.1:9", "127.0.0.1:9", "library/busybox"),
        ("docker.io/ada/x", "127.0.0.1:9", "127.0.0.1:9", "ada/x"),
        ("127.0.0.1:8/ada/x:1", "127.0.0.1:9", "127.0.0.1:8", "ada/x"),
        ("ghcr.io/ada/x", "127.0.0.1:9", "ghcr.io", "ada/x"),
    ],
)
def test_where_a_repository_is_served(monkeypatch, name, mirror, host, path):
    monkeypatch.setattr(connection, "sources", lambda: connection.Sources(mirror=mirror))
    assert distribution.locate(name) == (host, path)


def test_loopback_is_asked_without_tls_and_all_else_with_it():
    assert distribution.url("127.0.0.1:5052", "x") == "http://127.0.0.1:5052/v2/x"
    assert distribution.url("localhost:5052", "x") == "http://localhost:5052/v2/x"
    assert distribution.url("ghcr.io", "x") == "https://ghcr.io/v2/x"
    assert distribution.url("127.0.0.1.example.com", "x").startswith("https:")
