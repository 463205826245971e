"""What a beginner types wrong: one sentence, whose advice works, and nothing has changed."""

import re
import socket
import time

import pytest

from helpers import containers, images, registry, workspace
from helpers._internal import connection
from helpers._internal.errors import (
    Conflict,
    InvalidInput,
    LessonError,
    NotFound,
    NotOwned,
    RegistryUnreachable,
)
from tests.helpers.integration.faults import clear

pytestmark = pytest.mark.alone  # it looks at all that the Engine has


@pytest.fixture
def refused(world):
    """Return a function that expects a clear sentence of a kind, and that nothing has changed."""
    images.pull("busybox")
    containers.run("busybox", "sleep 600", name="cafe", detach=True)

    def snapshot():
        containers = [(one["Id"], one["State"]) for one in world.api.containers(all=True)]
        return sorted(containers), sorted(
            (one["Id"], *sorted(one["RepoTags"] or [])) for one in world.api.images()
        )

    def expect(kind, call, *words):
        before, begun = snapshot(), time.monotonic()
        with pytest.raises(LessonError) as caught:
            call()
        assert caught.type is kind, repr(caught.value)
        assert time.monotonic() - begun < 5
        assert snapshot() == before
        return clear(str(caught.value), *words)

    return expect


def advised(said):
    """Return the code that stands at the end of a sentence, to be run as it is."""
    return re.search(r"((?:registry|images|containers)\.\w+\(.*\))", said)[1]


NAMES = {
    "BusyBox": ("small letters", "Write busybox"),
    "BusyBox:1": ("small letters", "Write busybox:1"),
    "127.0.0.1:5052/Ada/hello": ("small letters", "Write 127.0.0.1:5052/ada/hello"),
    "busy box": ("space", "Write busybox"),
    " busybox ": ("space", "Write busybox"),
    "busybox 1.36": ("space", "Write busybox:1.36"),
    "Busy Box": ("small letters", "Write busybox"),
    "https://127.0.0.1:5052/ada/hello": ("https://", "Write 127.0.0.1:5052/ada/hello"),
    "busybox@sha256:abc": ("64 digits", "has 3", 'registry.tags("busybox")'),
    "busybox:": ("colon",),
    "": ("busybox:latest",),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "call",
    [images.pull, registry.tags, registry.reference,
     lambda name: containers.run(name, name="cafe", detach=True)],
    ids=["pull", "tags", "reference", "run"],
)  # fmt: skip
def test_a_name_that_no_image_can_have_says_how_to_write_it(refused, call, name):
    refused(InvalidInput, lambda: call(name), *NAMES[name])


def test_capital_letters_before_a_slash_are_a_registry_s_address(refused):
    """For Docker that is no wrong name; its advice is the same."""
    kind, hint = InvalidInput, "Write the name in small letters"
    refused(kind, lambda: images.pull("BusyBox/hello"), hint)


@pytest.mark.parametrize("name", [5, None, ["busybox"], 1.5], ids=repr)
def test_a_name_that_is_no_text(refused, name):
    for call in (images.pull, registry.tags, registry.reference, containers.run, images.push,
                 images.rm):  # fmt: skip
        refused(InvalidInput, lambda call=call: call(name), repr(name), "quotation marks")


def test_an_unclosed_quote_in_a_command(refused):
    calls = [
        lambda: containers.run("busybox", "sh -c 'echo hello", name="cafe"),
        lambda: containers.exec_("cafe", 'echo "hello'),
    ]
    for call in calls:
        refused(InvalidInput, call, "quotation mark", "never closed", "Close it")


VALUES = {
    "limit='five'": (lambda: registry.search("busybox", limit="five"), "limit=25"),
    "limit=0": (lambda: registry.search("busybox", limit=0), "limit=25"),
    "limit='six'": (lambda: registry.tags("busybox", limit="six"), "limit=10"),
    "stars='many'": (lambda: registry.search("busybox", stars="many"), "stars=10"),
    "cpus='half'": (lambda: containers.run("busybox", name="cafe", cpus="half"), "cpus=0.5"),
    "cpus=-1": (lambda: containers.run("busybox", name="cafe", cpus=-1), "cpus=0.5"),
    "grace='two'": (lambda: containers.stop("cafe", grace="two"), "grace=10"),
    "grace=-1": (lambda: containers.stop("cafe", grace=-1), "grace=10"),
}


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_is_no_number(refused, value):
    call, sample = VALUES[value]
    refused(InvalidInput, call, value, f"Write {sample}")


OPTIONS = {
    "publish='80'": (lambda: containers.run("busybox", name="cafe", publish="80"), '"8080:80"'),
    "restart": (lambda: containers.run("busybox", name="cafe", restart="often"), "on-failure"),
    "memory": (lambda: containers.run("busybox", name="cafe", memory="lots"), "memory='64m'"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_makes_no_sense_costs_no_container(refused, option):
    call, hint = OPTIONS[option]
    refused(InvalidInput, call, hint)


def test_removing_a_shared_image(refused, world):
    said = refused(NotOwned, lambda: images.rm("busybox"), "shared by all", f"{world.me}/")
    assert said.endswith(" type docker rmi busybox in a terminal.")
    registry.tag("busybox", f"{world.me}/gone:1")
    refused(NotOwned, lambda: images.rm("busybox:latest"), "docker rmi busybox:latest")


def test_pushing_a_shared_image_names_the_whole_address(refused, world):
    world.sh(f"docker rm -fv {world.me}-registry", check=False)
    said = refused(NotOwned, lambda: images.push("busybox"), "Docker Hub")
    whole = advised(said)
    assert whole == f'registry.tag("busybox", f"{{registry.start()}}/{world.me}/busybox")'
    eval(whole, {"registry": registry})
    store = registry.start()
    said = refused(NotOwned, lambda: images.push("busybox"), "push that name")
    assert advised(said) == f'registry.tag("busybox", "{store}/{world.me}/busybox")'
    eval(advised(said), {"registry": registry})
    registry.login(store)
    assert images.push(f"{store}/{world.me}/busybox").digest.startswith("sha256:")


def test_pushing_an_own_name_without_an_address(refused, world):
    name = f"{world.me}/hello:1"
    registry.tag("busybox", name)
    said = refused(RegistryUnreachable, lambda: images.push(name), "Docker Hub")
    store = registry.start()
    said = refused(RegistryUnreachable, lambda: images.push(name), f"{store}/{name}")
    eval(advised(said), {"registry": registry})
    assert world.image(f"{store}/{name}")


def test_making_a_name_outside_the_namespace(refused, world):
    refused(NotOwned, lambda: registry.tag("busybox", "other/x:1"), f"Write {world.me}/x:1")


def test_tags_of_a_repository_that_the_registry_does_not_have(refused):
    mirror = connection.sources().mirror
    said = refused(NotFound, lambda: registry.tags("nope"), "no such repository")
    assert "pull" not in said.partition(": ")[2]
    found = eval(advised(said), {"registry": registry})
    assert "library/busybox" in set(found.repository) and mirror in said


def test_a_misspelt_image(refused):
    for call in (images.pull, lambda name: containers.run(name, name="cafe")):
        for name in ("busibox", "busybx:latest", "bussybox"):
            refused(NotFound, lambda name=name, call=call: call(name), "Did you mean busybox?")
    said = refused(NotFound, lambda: images.pull("nothing-like-that"))
    assert "mean" not in said


def test_a_tag_that_is_not_there(refused):
    said = refused(NotFound, lambda: images.pull("busybox:nope"))
    assert "mean" not in said
    assert 'registry.tags("busybox")' in said


def test_a_misspelt_image_where_no_index_answers(refused, monkeypatch):
    """The names that are here are enough; and who does not answer is not waited for."""
    at = connection.sources()
    monkeypatch.setattr(
        connection, "sources", lambda: connection.Sources(at.mirror, "127.0.0.1:9", at.mirrored)
    )
    refused(NotFound, lambda: images.pull("busibox"), "Did you mean busybox?")


def test_a_misspelt_image_where_the_index_is_silent(refused, monkeypatch):
    at = connection.sources()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(
            connection, "sources", lambda: connection.Sources(at.mirror, index, at.mirrored)
        )
        refused(NotFound, lambda: images.pull("busibox"), "Did you mean busybox?")


def test_a_container_that_is_not_there_or_in_the_wrong_state(refused):
    refused(NotFound, lambda: containers.stop("nope"), "containers.ps(all=True)")
    refused(Conflict, lambda: containers.rm("cafe"), "Stop it first", "force=True")
    containers.stop("cafe", grace=0)
    for call in (lambda: containers.kill("cafe"), lambda: containers.exec_("cafe", "date")):
        said = refused(Conflict, call, "it does not run", "containers.start")
        assert said and workspace.name() in said
