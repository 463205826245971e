"""The streams of a pull and a push: what is read out of them, and what they say went wrong."""

import base64
import json
from types import SimpleNamespace

import pytest

from helpers import images
from helpers._internal import connection, errors, images as transfers
from tests.helpers.fake_server import Stream

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
    done = images.pull("busybox")
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
    done = images.pull(f"busybox@{D}")
    assert done.reference == f"busybox@{D}"
    assert fake_engine.asked[-1][2]["tag"] == [D]


def test_a_push(fake_engine, docker_hub, ada, shown):
    fake_engine.answers["POST", "/images/127.0.0.1:5054/ada/hello/push"] = Stream(*PUSHED)
    done = images.push("127.0.0.1:5054/ada/hello:1")
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
    done = images.push("127.0.0.1:5054/ada/hello:1")
    assert done.layers.status.tolist() == ["Pushed", "Layer already exists"]


def test_a_pull_that_had_nothing_to_do_has_no_layers(fake_engine, docker_hub):
    events = [PULLED[0], PULLED[5], {"status": "Status: Image is up to date for busybox:latest"}]
    fake_engine.answers["POST", "/images/create"] = Stream(*events)
    done = images.pull("busybox")
    assert done.digest == D
    assert len(done.layers) == 0
    assert [str(kind) for kind in done.layers.dtypes] == ["str", "str"]


@pytest.mark.parametrize("aux", [None, {}, {"ID": D}])
def test_an_aux_without_a_digest(fake_engine, docker_hub, ada, aux):
    fake_engine.answers["POST", "/images/ada/hello/push"] = Stream({"aux": aux}, PUSHED[-1])
    assert images.push("ada/hello:1").digest == D


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("manifest for busybox:nope not found: manifest unknown", errors.NotFound),
        ("toomanyrequests: You have reached your pull rate limit.", errors.RateLimited),
        ("write /var/lib/docker/tmp/x: no space left on device", errors.LessonError),
    ],
)
def test_an_error_in_the_stream_is_raised(fake_engine, docker_hub, message, kind):
    """The Engine says 200 first, and what went wrong later."""
    wrong = {"errorDetail": {"message": message}, "error": message}
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED[:3], wrong)
    with pytest.raises(kind) as caught:
        images.pull("busybox")
    assert "docker pull busybox" in str(caught.value)
    assert message in str(caught.value.__cause__)


def test_a_denied_push_in_the_stream(fake_engine, docker_hub, ada):
    wrong = {"errorDetail": {"message": "no basic auth credentials"}, "error": "no basic auth…"}
    fake_engine.answers["POST", "/images/ada/hello/push"] = Stream(PUSHED[0], wrong)
    with pytest.raises(errors.AccessDenied):
        images.push("ada/hello:1")


def test_a_layer_that_waited_to_be_pulled_again_keeps_its_last_state(fake_engine, docker_hub):
    words = ["Pulling fs layer", "Waiting", "Verifying Checksum", "Download complete"]
    events = [{"status": word, "id": ID} for word in [*words, "Extracting", "Pull complete"]]
    fake_engine.answers["POST", "/images/create"] = Stream(*events, PULLED[5])
    layers = images.pull("busybox").layers
    assert layers.values.tolist() == [[ID, "Pull complete"]]


def test_what_lies_outside_the_namespace_is_never_pushed(fake_engine, ada, shown):
    for name in ("busybox", "127.0.0.1:5054/bob/hello:1", "ada", "adam/x", "x/ada"):
        with pytest.raises(errors.NotOwned):
            images.push(name)
    # it looks for the own registry's address, to name it, and does no more
    assert {one[:2] for one in fake_engine.asked} <= {("GET", "/containers/ada-registry/json")}


def test_the_kernel_s_login_is_sent_along(fake_engine, docker_hub, ada):
    who = {"username": "ada", "password": "s3cret", "serveraddress": "127.0.0.1:5054"}
    connection.logins["127.0.0.1:5054"] = who
    fake_engine.answers["POST", "/images/127.0.0.1:5054/ada/hello/push"] = Stream(PUSHED[-1])
    images.push("127.0.0.1:5054/ada/hello:1")
    sent = json.loads(base64.urlsafe_b64decode(fake_engine.asked[-1][3]["X-Registry-Auth"]))
    assert (sent["username"], sent["password"]) == ("ada", "s3cret")


@pytest.mark.parametrize("digests", [[], None])
def test_a_name_of_an_image_that_was_built_here_does_not_move(
    fake_engine, docker_hub, ada, shown, digests
):
    here = {"Id": ID, "RepoDigests": digests}
    fake_engine.answers["GET", "/images/busybox:latest/json"] = here
    with pytest.raises(errors.NotOwned, match="built here.*docker rmi busybox:latest"):
        images.pull("busybox")
    assert {method for method, *_ in fake_engine.asked} == {"GET"}


OWN, HUB = {"RepoDigests": [f"busybox@{D}"]}, {"Identity": {"Pull": [{"Repository": "busybox"}]}}


@pytest.mark.parametrize(
    ("version", "image", "pulled"),
    [("1.41", {"Id": f"sha256:{6:064}"} | OWN, True), ("1.41", {"Id": D, "RepoDigests": []}, False),
     ("1.55", {"Id": f"sha256:{6:064}"} | OWN, True), ("1.55", {"Id": D, "RepoDigests": []}, False),
     ("1.52", {"Id": D} | OWN, True), ("1.53", {"Id": D} | OWN, False),
     ("1.53", {"Id": D} | OWN | HUB, True)],
)  # fmt: skip
def test_what_was_pulled_is_told_from_what_was_built(version, image, pulled):
    """In containerd's store each image has a digest; Engines before 1.53 say no more there."""
    assert bool(transfers._pulled(SimpleNamespace(api_version=version), image)) == pulled


def test_an_image_of_the_workspace_s_own_name_makes_room(fake_engine, docker_hub, ada):
    fake_engine.answers["GET", "/images/ada/hello:1/json"] = {"Id": ID, "RepoDigests": []}
    fake_engine.answers["POST", "/images/create"] = Stream(PULLED[5])
    assert images.pull("ada/hello:1").digest == D


def test_an_older_image_that_was_pulled_gives_up_its_tag(fake_engine, docker_hub, ada, shown):
    here = {"Id": ID, "RepoDigests": [f"busybox@sha256:{'6' * 64}"]}
    fake_engine.answers["GET", "/images/busybox:latest/json"] = here
    fake_engine.answers["POST", "/images/create"] = Stream(*PULLED)
    assert images.pull("busybox").reference == "busybox:latest"
    assert shown == ["docker pull busybox"]
    [query] = [query for method, _, query, *_ in fake_engine.asked if method == "POST"]
    assert (query["fromImage"], query["tag"]) == (["busybox"], ["latest"])


def test_hub_out_of_reach_and_the_image_is_here(fake_engine, docker_hub, shown):
    text = 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup x: no such host'
    fake_engine.answers["POST", "/images/create"] = (500, {"message": text}, {})
    here = {"Id": D, "RepoDigests": [f"busybox@{D}"]}
    for name in ("busybox", "busybox:latest"):
        fake_engine.answers["GET", f"/images/{name}/json"] = here
    done = images.pull("busybox")
    assert (done.reference, done.digest, len(done.layers)) == ("busybox:latest", D, 0)
    assert "Docker Hub is out of reach" in shown[-1] and "docker image inspect" in shown[-1]
    for name in ("busybox", "busybox:latest"):
        del fake_engine.answers["GET", f"/images/{name}/json"]
    with pytest.raises(errors.RegistryUnreachable):
        images.pull("busybox")
