"""`tags`, `catalog`, `rate_limit` and `cli_logins`: answers of registries and of Docker Hub."""

import base64
import hashlib
import json
import socket

import pytest
import requests

from helpers import registry
from helpers._internal import connection, distribution, errors
from tests.helpers.fake_server import recorded

LIST = "application/vnd.oci.image.index.v1+json"
ONE = "application/vnd.oci.image.manifest.v1+json"
TAGS = {"tag": "str", "digest": "str", "size": "int64", "platform": "str"}


def types(frame):
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def store(serve, shown, monkeypatch):
    """A registry on loopback; `add` puts an answer in, and gives its digest."""
    server = serve()
    monkeypatch.setattr(connection, "logins", {})
    monkeypatch.setattr(connection, "sources", lambda: connection.Sources(mirror=server.address))

    def add(kind, *references, repository="library/busybox", **value):
        body = json.dumps(value).encode()
        for reference in [*references, digest(body)]:
            headers = {"Docker-Content-Digest": digest(body)}
            path = f"/v2/{repository}/{kind}/{reference}"
            server.answers["GET", path] = server.answers["HEAD", path] = (200, body, headers)
        return digest(body)

    server.add = add
    return server


def image(store, *references, layers, **platform):
    config = store.add("blobs", **platform)
    layers = [{"digest": digest(b"%d" % size), "size": size} for size in layers]
    return store.add("manifests", *references, config={"digest": config}, layers=layers)


def test_a_manifest_list_with_an_attestation(store, shown):
    amd = image(store, layers=[100, 23], os="linux", architecture="amd64")
    arm = image(store, layers=[7], os="linux", architecture="arm", variant="v7")
    said = image(store, layers=[9], os="unknown", architecture="unknown")
    manifests = [
        {"digest": one, "mediaType": ONE, "platform": platform}
        for one, platform in [
            (arm, {"os": "linux", "architecture": "arm", "variant": "v7"}),
            (amd, {"os": "linux", "architecture": "amd64"}),
            (said, {"os": "unknown", "architecture": "unknown"}),
        ]
    ]
    both = store.add("manifests", "latest", "1.36", mediaType=LIST, manifests=manifests)
    old = image(store, "1.35", layers=[50], os="linux", architecture="amd64")
    store.answers["GET", "/v2/library/busybox/tags/list"] = {"tags": ["latest", "1.36", "1.35"]}

    found = registry.tags("busybox")
    assert types(found) == TAGS
    assert found.values.tolist() == [
        ["1.35", old, 50, "linux/amd64"],
        ["1.36", both, 123, "linux/amd64"],
        ["1.36", both, 7, "linux/arm/v7"],
        ["latest", both, 123, "linux/amd64"],
        ["latest", both, 7, "linux/arm/v7"],
    ]
    assert shown == [f"curl http://{store.address}/v2/library/busybox/tags/list"]
    kinds = [one[3]["Accept"] for one in store.asked if "/manifests/" in one[1]]
    assert kinds and all(LIST in kind and ONE in kind for kind in kinds)


def test_a_list_whose_entry_names_no_platform(store):
    """The specification lets `platform` be left out."""
    amd = image(store, layers=[5], os="linux", architecture="amd64")
    store.add("manifests", "latest", mediaType=LIST, manifests=[{"digest": amd, "mediaType": ONE}])
    store.answers["GET", "/v2/library/busybox/tags/list"] = {"tags": ["latest"]}
    assert registry.tags("busybox")["size"].tolist() == [5]


def test_the_limit_takes_the_first_tags_of_the_alphabet(store):
    names = [f"t{i:02}" for i in range(30)]
    image(store, *names, layers=[1], os="linux", architecture="amd64")
    store.answers["GET", "/v2/library/busybox/tags/list"] = {"tags": names[::-1]}
    assert registry.tags("busybox").tag.tolist() == names[:10]
    assert registry.tags("busybox", limit=3).tag.tolist() == names[:3]
    manifests = [one for one in store.asked if "/manifests/" in one[1]]
    assert len(manifests) == 13


@pytest.mark.parametrize("value", [None, []])
def test_a_repository_without_tags(store, value):
    store.answers["GET", "/v2/library/busybox/tags/list"] = {"name": "x", "tags": value}
    found = registry.tags("busybox")
    assert len(found) == 0 and types(found) == TAGS


def test_tags_of_a_repository_that_is_not_there(store):
    with pytest.raises(errors.NotFound):
        registry.tags("nothing")
    store.answers["GET", "/v2/library/secret/tags/list"] = (401, {"errors": []}, {})
    with pytest.raises(errors.AccessDenied):
        registry.tags("secret")


def test_a_registry_that_is_not_there(shown):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        for call in (registry.catalog, lambda where: registry.tags(f"{where}/ada/x")):
            with pytest.raises(errors.RegistryUnreachable):
                call(address)


@pytest.mark.parametrize("kind", [requests.ConnectionError, requests.ConnectTimeout])
def test_docker_hub_that_is_not_there(docker_hub, shown, monkeypatch, kind):
    def request(self, method, address, **options):
        raise kind(f"HTTPSConnectionPool(host='hub.docker.com', port=443): {address}: no such host")

    monkeypatch.setattr(requests.Session, "request", request)
    for call in (lambda: registry.tags("busybox"), registry.rate_limit):
        with pytest.raises(errors.RegistryUnreachable):
            call()


@pytest.fixture
def hub(monkeypatch, docker_hub):
    """Docker Hub's answers; `hub` keeps the addresses that were asked."""
    asked = []

    def get(address, *, method="GET", headers=None, auth=None):
        asked.append((method, address, headers or {}))
        answer = requests.Response()
        answer.status_code, answer.url = 200, address
        answer._content = json.dumps(hub_answer(address)).encode()
        answer.headers.update({"ratelimit-limit": "100;w=21600", "RateLimit-Remaining": "76;w=21"})
        return answer

    def hub_answer(address):
        if "auth.docker.io" in address:
            return {"token": "abc"}
        return recorded("hub-tags") if "hub.docker.com" in address else {}

    monkeypatch.setattr(distribution, "get", get)
    monkeypatch.setattr(connection, "logins", {})
    return asked


def test_tags_on_docker_hub(hub, shown):
    found = registry.tags("busybox", limit=5)
    assert types(found) == TAGS
    index = "sha256:88f44fbb06cc98e1451e4e015c122f84030ec55c603f753ed97b889db0bb8d4d"
    assert found.values.tolist() == [
        ["1.0", "sha256:" + "cccc" + "0" * 60, 700000, "linux/amd64"],
        ["latest", index, 2219944, "linux/amd64"],
        ["latest", index, 1612077, "linux/arm/v7"],
    ]
    [(method, address, _)] = hub
    assert method == "GET"
    assert address.startswith("https://hub.docker.com/v2/repositories/library/busybox/tags?")
    assert address.endswith("page_size=100")  # in what order it lists them it does not say
    assert shown == [f"curl '{address}'"]


def test_docker_hub_is_never_asked_for_a_manifest_when_tags_are_listed(hub, shown):
    registry.tags("docker.io/ada/hello")
    assert all("/manifests/" not in address for _, address, _ in hub)


def test_the_rate_limit_of_docker_hub(hub, shown):
    found = registry.rate_limit()
    assert types(found) == {
        "registry": "str",
        "limit": "Int64",
        "remaining": "Int64",
        "window": "Int64",
    }
    assert found.values.tolist() == [[distribution.HUB, 100, 76, 21600]]
    method, address, headers = hub[-1]
    assert method == "HEAD", "a GET would count as a pull"
    assert address.endswith("/v2/ratelimitpreview/test/manifests/latest")
    assert headers["Authorization"] == "Bearer abc"


def test_the_lines_that_are_shown_for_docker_hub_s_rate_limit_work_without_more(hub, shown):
    """Without a token Docker Hub answers 401 and names no limit, so the lines must fetch one."""
    registry.rate_limit()
    assert any("auth.docker.io/token" in line for line in shown)
    assert any("Bearer" in line for line in shown)


@pytest.mark.parametrize(
    ("headers", "row"),
    [
        ({}, [None, None, None]),
        ({"ratelimit-limit": "200;w=3600", "ratelimit-remaining": "199;w=3600"}, [200, 199, 3600]),
        ({"RateLimit-Limit": "100", "RateLimit-Remaining": "0"}, [100, 0, None]),
        ({"ratelimit-remaining": "5"}, [None, 5, None]),
    ],
)
def test_the_rate_limit_with_and_without_headers(store, headers, row, shown):
    path = "/v2/library/busybox/manifests/latest"
    store.answers["HEAD", path] = (200, b"", headers)
    found = registry.rate_limit()
    assert types(found)["limit"] == "Int64"
    values = [None if value != value else value for value in found.iloc[0, 1:].astype(object)
              .where(found.iloc[0, 1:].notna(), None)]  # fmt: skip
    assert values == row
    assert found.registry.tolist() == [store.address]
    assert [one[0] for one in store.asked] == ["HEAD"]
    assert shown == [f"curl --head http://{store.address}{path}"]


def test_catalog(store, shown):
    store.answers["GET", "/v2/_catalog"] = {"repositories": ["b", "a/c"]}
    assert registry.catalog(store.address).repository.tolist() == ["a/c", "b"]
    assert shown == [f"curl http://{store.address}/v2/_catalog"]
    store.answers["GET", "/v2/_catalog"] = {"repositories": []}
    empty = registry.catalog(store.address)
    assert len(empty) == 0 and types(empty) == {"repository": "str"}


def test_delete_by_tag_and_by_digest(store, shown):
    digest = f"sha256:{'a' * 64}"
    for name, last in ((":1", "1"), (f"@{digest}", digest)):
        path = f"/v2/ada/x/manifests/{last}"
        store.answers["DELETE", path] = (202, {}, {})
        assert registry.delete(f"{store.address}/ada/x{name}").startswith("Deleted ")
        assert shown[-1] == f"curl -X DELETE http://{store.address}{path}"
        store.answers["DELETE", path] = (405, {}, {})
        with pytest.raises(errors.AccessDenied, match="lets nobody delete"):
            registry.delete(f"{store.address}/ada/x{name}")


def test_a_registry_is_asked_as_who_is_logged_in_there_and_no_other(store, serve, shown):
    other = serve()
    for server in (store, other):
        server.answers["GET", "/v2/_catalog"] = {"repositories": []}
    connection.logins[store.address] = {"username": "ada", "password": "s3 cret"}
    registry.catalog(store.address)
    registry.catalog(other.address)
    sent = store.asked[-1][3]["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"ada:s3 cret"
    assert other.asked[-1][3]["Authorization"] is None
    assert "s3 cret" not in "".join(shown)
    assert shown[0] == f"curl -u ada http://{store.address}/v2/_catalog"


def test_loopback_is_asked_past_a_proxy(store, monkeypatch):
    for key in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(key, "http://127.0.0.1:9")
    for key in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(key, raising=False)
    store.answers["GET", "/v2/_catalog"] = {"repositories": ["a"]}
    assert registry.catalog(store.address).repository.tolist() == ["a"]


def test_a_registry_that_goes_silent(shown, monkeypatch):
    monkeypatch.setattr(distribution, "_TIMEOUT", (0.3, 0.3))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(errors.Timeout):
            registry.catalog(f"127.0.0.1:{listener.getsockname()[1]}")


# Where the docker CLI keeps passwords

SECRET = base64.b64encode(b"ada:s3cret").decode()
IN_FILE = "config.json, in base64, which is no secret"


@pytest.mark.parametrize(
    ("config", "rows"),
    [
        (None, []),
        ({}, []),
        ({"credsStore": "desktop"}, []),
        ({"auths": {"127.0.0.1:5052": {"auth": SECRET}}}, [["127.0.0.1:5052", IN_FILE]]),
        (
            {"auths": {"b": {}, "a": {"auth": SECRET}}, "credsStore": "desktop"},
            [["a", "desktop"], ["b", "desktop"]],
        ),
        (
            {"auths": {"a": {"auth": SECRET}}, "credHelpers": {"gcr.io": "gcloud", "a": "pass"}},
            [["a", "pass"], ["gcr.io", "gcloud"]],
        ),
    ],
)
def test_where_the_cli_keeps_passwords(tmp_path, monkeypatch, config, rows):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    found = registry.cli_logins()
    assert types(found) == {"registry": "str", "kept_in": "str"}
    assert found.values.tolist() == rows
    for shape in (repr(found), found.to_html(), found.to_json()):
        assert SECRET not in shape and "s3cret" not in shape


@pytest.mark.parametrize("content", ["", "{", "[]", '{"auths": 5}', '{"credHelpers": 5}'])
def test_a_file_of_the_cli_that_makes_no_sense_is_named(tmp_path, monkeypatch, content):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(errors.InvalidInput, match="read .*config.json"):
        registry.cli_logins()


def test_no_helper_program_is_started(tmp_path, monkeypatch):
    """A credential helper would hand the password out."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    told = {"auths": {"a": {}}, "credsStore": "spy", "credHelpers": {"b": "spy"}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    spy = tmp_path / "docker-credential-spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert registry.cli_logins().kept_in.tolist() == ["spy", "spy"]
    assert not (tmp_path / "started").exists()


def test_the_home_s_folder_counts_where_no_other_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"auths": {"x": {}}}')
    assert registry.cli_logins().registry.tolist() == ["x"]


def test_a_registry_s_password_is_in_no_picture_of_it(in_tmp):
    (in_tmp / "files" / "ada" / "registry-password").write_text("s3cret")
    store = registry.Registry("127.0.0.1:5052")
    assert (store.user, store.password) == ("ada", "s3cret")
    assert "s3cret" not in repr([store.password, vars(store)])
    assert "s3cret" not in repr(store) + str(store) + f"{store}/ada/hello"
    assert f"{store}/ada/hello" == "127.0.0.1:5052/ada/hello"


@pytest.mark.parametrize(
    ("classroom", "there", "mirror"),
    [("off", True, None), ("auto", True, "m:1"), ("on", True, "m:1"), ("auto", False, None)],
)
def test_where_images_come_from(tmp_path, monkeypatch, classroom, there, mirror):
    monkeypatch.setenv("CLASSROOM", classroom)
    monkeypatch.setattr(connection, "SOURCES", tmp_path / "sources.json")
    if there:
        told = {"mirror": "m:1", "index": "i:1", "mirrored": True}
        (tmp_path / "sources.json").write_text(json.dumps(told))
    assert connection.sources().mirror == mirror


def test_on_without_a_classroom_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("CLASSROOM", "on")
    monkeypatch.setattr(connection, "SOURCES", tmp_path / "sources.json")
    with pytest.raises(errors.EngineUnavailable, match="python3 -m classroom"):
        connection.sources()


DEEP = b"[" * 200_000
NO_ANSWERS = {
    "deep": DEEP,
    "deep within": b'{"tags": ' + DEEP,
    "a list": [1],
    "a number": 5,
    "a number within": {"tags": 5, "repositories": 5},
    "objects": {"tags": [{}, {}], "repositories": [{}, {}]},
    "lists": {"tags": [["a", "b"], 3], "repositories": [["a", "b"], 3]},
    "a long number": b'{"tags": ' + b"9" * 5000 + b', "repositories": ' + b"9" * 5000 + b"}",
    "without an end": b'{"tags": ["' + b"x" * 20_000_000,
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_no_registry_says_is_said_in_a_sentence(store, body):
    store.answers["GET", "/v2/library/busybox/tags/list"] = body
    store.answers["GET", "/v2/_catalog"] = body
    for call in (lambda: registry.tags("busybox"), lambda: registry.catalog(store.address)):
        with pytest.raises(errors.InvalidResponse, match="is no registry") as caught:
            call()
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "size", [b"1e30", b"1e999", b"NaN", b"1.5", b'"7"', b"null", b"9" * 30, b"9" * 5000, b"[]"]
)
def test_a_size_that_is_none_is_no_registry_s_answer(store, size):
    config = store.add("blobs", os="linux", architecture="amd64").encode()
    store.answers["GET", "/v2/library/busybox/tags/list"] = {"tags": ["1"]}
    body = b'{"config": {"digest": "%s"}, "layers": [{"size": %s}]}' % (config, size)
    headers = {"Docker-Content-Digest": "sha256:0"}
    store.answers["GET", "/v2/library/busybox/manifests/1"] = (200, body, headers)
    with pytest.raises(errors.InvalidResponse, match="is no registry"):
        registry.tags("busybox")


@pytest.mark.parametrize("value", ["x", "1e3;w=6", "100;w=", "100;w=x", "9" * 30, "9" * 5000, "-"])
@pytest.mark.parametrize("header", ["ratelimit-limit", "ratelimit-remaining"])
def test_a_rate_limit_that_is_none_is_no_registry_s_answer(store, header, value):
    path = "/v2/library/busybox/manifests/latest"
    store.answers["HEAD", path] = (200, b"", {"ratelimit-limit": "100;w=21600", header: value})
    if header == "ratelimit-remaining" and value.startswith("100") or value == "100;w=":
        assert registry.rate_limit().remaining.fillna(100)[0] == 100
    else:
        with pytest.raises(errors.InvalidResponse, match="is no registry"):
            registry.rate_limit()


def test_an_answer_on_loopback_leads_nowhere_else(store, serve):
    other = serve()
    other.answers["GET", "/v2/_catalog"] = {"repositories": ["stolen"]}
    away = {"Location": f"http://{other.address}/v2/_catalog"}
    store.answers["GET", "/v2/_catalog"] = (302, b"", away)
    with pytest.raises(errors.InvalidResponse):
        registry.catalog(store.address)
    assert other.asked == []
