"""The streams of a pull and a push: what is read out of them, and what they say went wrong."""

import base64
import json
from types import SimpleNamespace

import pytest
from fake_server import Stream

from helpers import engine, images
from helpers._internal import distribution, errors

D = "sha256:" + "5" * 64
ID = "a" * 12


PULLED = [
    {"status": "Pulling from library/busybox", "id": "latest"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "7ae35e042841"},
    {"status": "Already exists", "progressDetail": {}, "id": "49933ceab2fe"},
    {"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "progress": "[=>  ]",
     "id": "7ae35e042841"},
    {"status": "Pull complete", "progressDetail": {}, "id": "7ae35e042841"},
    {"status": f"Digest: {D}"},
    {"status": "Status: Downloaded newer image for busybox:latest"},
]  # fmt: skip
PUSHED = [
    {"status": "The push refers to repository [127.0.0.1:5054/ada/hello]"},
    {"status": "Preparing", "progressDetail": {}, "id": "533347aa8261"},
    {"status": "Layer already exists", "progressDetail": {}, "id": "ec67a267fb70"},
    {"status": "Pushed", "progressDetail": {}, "id": "533347aa8261"},
    {"status": f"1: digest: {D} size: 735"},
    {"progressDetail": {}, "aux": {"Tag": "1", "Digest": D, "Size": 735}},
]


def test_a_pull(fake_engine, docker_hub, shown):
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED)
    done = images.pull("busybox", client=fake_engine.client)
    assert (done.reference, done.digest) == ("busybox:latest", D)
    assert repr(done) == f"busybox:latest is {D}"
    assert done.layers.values.tolist() == [
        ["7ae35e042841", "Pull complete"],
        ["49933ceab2fe", "Already exists"],
    ]
    [query] = [query for method, _, query, *_ in fake_engine.asked if method == "POST"]
    assert query["fromImage"] == ["busybox"] and query["tag"] == ["latest"]
    assert shown == ["docker pull busybox"]


def test_a_pull_by_digest_asks_for_the_digest(fake_engine, docker_hub):
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED)
    done = images.pull(f"busybox@{D}", client=fake_engine.client)
    assert done.reference == f"busybox@{D}"
    assert fake_engine.asked[-1][2]["tag"] == [D]


def test_a_push(fake_engine, docker_hub, ada, shown):
    fake_engine.answers["POST", "/images/127.0.0.1:5054/ada/hello/push"] = Stream(*PUSHED)
    done = images.push("127.0.0.1:5054/ada/hello:1", client=fake_engine.client)
    assert (done.reference, done.digest) == ("127.0.0.1:5054/ada/hello:1", D)
    assert sorted(done.layers.values.tolist()) == [
        ["533347aa8261", "Pushed"],
        ["ec67a267fb70", "Layer already exists"],
    ]
    assert shown == ["docker push 127.0.0.1:5054/ada/hello:1"]


@pytest.mark.parametrize("order", [1, -1])
def test_layers_that_the_registry_had_come_last(order, fake_engine, docker_hub, ada):
    """Engines with containerd's image store tell them in any order."""
    fake_engine.answers["POST", "/images/127.0.0.1:5054/ada/hello/push"] = Stream(
        *PUSHED[2:4][::order]
    )
    done = images.push("127.0.0.1:5054/ada/hello:1", client=fake_engine.client)
    assert done.layers.status.tolist() == ["Pushed", "Layer already exists"]


def test_a_pull_that_had_nothing_to_do_has_no_layers(fake_engine, docker_hub):
    events = [PULLED[0], PULLED[5], {"status": "Status: Image is up to date for busybox:latest"}]
    fake_engine.answers["POST", "/images/create"] = Stream(*events)
    done = images.pull("busybox", client=fake_engine.client)
    assert done.digest == D
    assert len(done.layers) == 0
    assert [str(kind) for kind in done.layers.dtypes] == ["str", "str"]


@pytest.mark.parametrize("aux", [None, {}, {"ID": D}])
def test_an_aux_without_a_digest(fake_engine, docker_hub, ada, aux):
    fake_engine.answers["POST", "/images/ada/hello/push"] = Stream({"aux": aux}, PUSHED[-1])
    assert images.push("ada/hello:1", client=fake_engine.client).digest == D


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("manifest for busybox:nope not found: manifest unknown", errors.NoSuchImage),
        ("toomanyrequests: You have reached your pull rate limit.", errors.RateLimited),
        ("write /var/lib/docker/tmp/x: no space left on device", errors.NoSpace),
    ],
)
def test_an_error_in_the_stream_is_raised(fake_engine, docker_hub, message, kind):
    """The Engine says 200 first, and what went wrong later."""
    wrong = {"errorDetail": {"message": message}, "error": message}
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED[:3], wrong)
    with pytest.raises(kind) as caught:
        images.pull("busybox", client=fake_engine.client)
    assert "docker pull busybox" in str(caught.value)
    assert message in str(caught.value.__cause__)


def test_a_denied_push_in_the_stream(fake_engine, docker_hub, ada):
    wrong = {"errorDetail": {"message": "no basic auth credentials"}, "error": "no basic auth…"}
    fake_engine.answers["POST", "/images/ada/hello/push"] = Stream(PUSHED[0], wrong)
    with pytest.raises(errors.AccessDenied):
        images.push("ada/hello:1", client=fake_engine.client)


def test_a_layer_that_waited_to_be_pulled_again_keeps_its_last_state(fake_engine, docker_hub):
    words = ["Pulling fs layer", "Waiting", "Verifying Checksum", "Download complete"]
    events = [{"status": word, "id": ID} for word in [*words, "Extracting", "Pull complete"]]
    fake_engine.answers["POST", "/images/create"] = Stream(*events, PULLED[5])
    layers = images.pull("busybox", client=fake_engine.client).layers
    assert layers.values.tolist() == [[ID, "Pull complete"]]


def test_what_lies_outside_the_namespace_is_never_pushed(fake_engine, ada, shown):
    for name in ("busybox", "127.0.0.1:5054/bob/hello:1", "ada", "adam/x", "x/ada"):
        with pytest.raises(errors.NameTaken):
            images.push(name, client=fake_engine.client)
    assert fake_engine.asked == []


def test_the_kernel_s_login_is_sent_along(fake_engine, docker_hub, ada):
    who = {"username": "ada", "password": "s3cret", "serveraddress": "127.0.0.1:5054"}
    engine.logins["127.0.0.1:5054"] = who
    fake_engine.answers["POST", "/images/127.0.0.1:5054/ada/hello/push"] = Stream(PUSHED[-1])
    images.push("127.0.0.1:5054/ada/hello:1", client=fake_engine.client)
    sent = json.loads(base64.urlsafe_b64decode(fake_engine.asked[-1][3]["X-Registry-Auth"]))
    assert (sent["username"], sent["password"]) == ("ada", "s3cret")


@pytest.fixture
def hub_says(monkeypatch):
    """Return a function that sets what Docker Hub answers to a HEAD: a digest, or nothing."""

    def set_answer(digest):
        def ask(host, path, *, method):
            assert (host, method) == (distribution.HUB, "HEAD")
            if digest is None:
                raise errors.NoAnswer("no answer")
            return SimpleNamespace(headers={"Docker-Content-Digest": digest})

        monkeypatch.setattr(distribution, "ask", ask)

    return set_answer


def test_a_tag_that_another_image_has_does_not_move(fake_engine, docker_hub, ada, hub_says, shown):
    hub_says(D)
    fake_engine.answers["GET", "/images/busybox:latest/json"] = {"Id": ID, "RepoDigests": []}
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED)
    fake_engine.answers["POST", f"/images/busybox%40{D}/tag"] = (201, b"", {})
    fake_engine.answers["DELETE", f"/images/busybox%40{D}"] = []
    own = "ada/library/busybox:latest"
    done = images.pull("busybox", client=fake_engine.client)
    assert (done.reference, done.digest) == (own, D)
    assert shown == [
        f"docker pull busybox@{D} && docker tag busybox@{D} {own} && docker rmi busybox@{D}"
    ]
    [tagged] = [query for _, path, query, *_ in fake_engine.asked if path.endswith("/tag")]
    assert (tagged["repo"], tagged["tag"]) == (["ada/library/busybox"], ["latest"])


@pytest.mark.parametrize("digest", [D, None])
def test_the_image_of_docker_hub_itself_is_pulled_by_its_tag(
    fake_engine, docker_hub, ada, hub_says, shown, digest
):
    hub_says(digest)
    here = {"Id": ID, "RepoDigests": [f"busybox@{D}"]}
    fake_engine.answers["GET", "/images/busybox:latest/json"] = here
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED)
    assert images.pull("busybox", client=fake_engine.client).reference == "busybox:latest"
    assert shown == ["docker pull busybox"]


def test_hub_out_of_reach_and_the_image_is_here(fake_engine, docker_hub, hub_says, shown):
    hub_says(None)
    text = 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup x: no such host'
    fake_engine.answers["POST", "/images/create"] = (500, {"message": text}, {})
    here = {"Id": D, "RepoDigests": [f"busybox@{D}"]}
    for name in ("busybox", "busybox:latest"):
        fake_engine.answers["GET", f"/images/{name}/json"] = here
    done = images.pull("busybox", client=fake_engine.client)
    assert done.digest == D
    assert "Docker Hub is out of reach" in shown[-1] and "docker image inspect" in shown[-1]
    for name in ("busybox", "busybox:latest"):
        del fake_engine.answers["GET", f"/images/{name}/json"]
    with pytest.raises(errors.HubUnreachable):
        images.pull("busybox", client=fake_engine.client)
