"""Values that can't be meant, output without an end, and what neighbours with like names do."""

import contextlib
import functools
import subprocess
import sys
import time
import tracemalloc

import pandas as pd
import pytest

from helpers import containers, engine, images, registry, workspace
from helpers._internal import errors
from tests.helpers.fake_server import FakeServer
from tests.notebooks import ROOT

SERVICE = "httpd -f -h /home"


@contextlib.contextmanager
def being(name):
    """Be another learner in the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSPACE", name)
        workspace.name.cache_clear()
        yield
    workspace.name.cache_clear()
    assert workspace.name() != name


@pytest.fixture
def serve():
    """A maker of servers on loopback."""
    made = []
    yield lambda: made.append(FakeServer()) or made[-1]
    for server in made:
        server.close()


@pytest.fixture
def cafe(world):
    """The Engine's ID of a container `cafe` that runs."""
    containers.run("busybox", SERVICE, name="cafe", detach=True, publish="8940:80")
    name = f"{world.me}-cafe"
    return lambda: (world.container(name)["Id"], world.container(name)["State"]["Running"])


BAD = {
    "an open quote": lambda: containers.run("busybox", "sh -c 'x", name="cafe"),
    "an open quote in exec": lambda: containers.exec_("cafe", "sh -c 'x"),
    "a number for a command": lambda: containers.run("busybox", 5, name="cafe"),
    "one port": lambda: containers.run("busybox", name="cafe", publish="80"),
    "a port too high": lambda: containers.run("busybox", name="cafe", publish="99999:80"),
    "port 0": lambda: containers.run("busybox", name="cafe", publish="0:80"),
    "endless digits": lambda: containers.run("busybox", name="cafe", publish=f"{'9' * 9999}:80"),
    "cpus x": lambda: containers.run("busybox", name="cafe", cpus="x"),
    "cpus half": lambda: containers.run("busybox", name="cafe", cpus="half"),
    "cpus inf": lambda: containers.run("busybox", name="cafe", cpus=float("inf")),
    "cpus nan": lambda: containers.run("busybox", name="cafe", cpus=float("nan")),
    "memory": lambda: containers.run("busybox", name="cafe", memory="lots"),
    "restart": lambda: containers.run("busybox", name="cafe", restart="perhaps"),
    "restart 5": lambda: containers.run("busybox", name="cafe", restart=5),
    "retries": lambda: containers.run("busybox", name="cafe", restart="on-failure:x"),
    "env": lambda: containers.run("busybox", name="cafe", env=["A=b"]),
    "an image's number": lambda: containers.run(5, name="cafe"),
    "grace two": lambda: containers.stop("cafe", grace="two"),
    "grace -1": lambda: containers.stop("cafe", grace=-1),
    "grace None": lambda: containers.stop("cafe", grace=None),
    "half a second": lambda: containers.stop("cafe", grace=0.5),
    "words": lambda: containers.ready("cafe", 5),
    "pull": lambda: images.pull(5),
    "search": lambda: registry.search("busybox", limit="five"),
    "search 0": lambda: registry.search("busybox", limit=0),
    "tags": lambda: registry.tags("busybox", limit="five"),
    "tags 2.5": lambda: registry.tags("busybox", limit=2.5),
    "tags -1": lambda: registry.tags("busybox", limit=-1),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_what_can_t_be_meant_changes_nothing(cafe, call):
    before, begun = cafe(), time.monotonic()
    with pytest.raises(errors.InvalidInput) as caught:
        call()
    assert caught.value.action and caught.value.problem and caught.value.hint
    assert len(str(caught.value)) < 1000
    assert cafe() == before
    assert time.monotonic() - begun < 10


def test_a_name_that_is_a_number_is_a_name(world):
    assert containers.run("busybox", "true", name=5).exit_code == 0
    assert world.mine() == [f"{world.me}-5"]


def test_neighbours_whose_names_begin_alike_never_meet(world, me):
    """ada's `2-web` is called like the `web` of ada-2."""
    ada, other = f"{me}-ada", f"{me}-ada-2"
    label = f"--label lesson={ada}"
    try:
        with being(ada):
            containers.run("busybox", SERVICE, name="2-web", detach=True, publish="8950:80")
            registry.tag("busybox", f"{ada}/2-x:1")
            kept = workspace.file("2-x.tar")
            kept.write_text("ada's")
            world.sh(
                f"docker network create {label} {other}-net; docker volume create {label} {other}-v"
            )
        things = [f"{other}-web", f"{ada}/2-x:1", f"{other}-net", f"{other}-v"]
        before = world.looks(*things)
        with being(other):
            for call in (
                lambda: containers.run("busybox", "true", name="web"),
                lambda: containers.run("busybox", SERVICE, name="web", detach=True),
                lambda: containers.stop("web", grace=0),
                lambda: containers.kill("web"),
                lambda: containers.rm("web", force=True),
                lambda: containers.start("web"),
                lambda: containers.wait("web"),
                lambda: containers.logs("web"),
                lambda: containers.exec_("web", "touch /x"),
                lambda: containers.cp("web", "/etc/passwd", "x"),
                lambda: containers.curl("web"),
                lambda: containers.stats("web"),
                lambda: containers.ready("web", "x"),
                lambda: images.rm(f"{ada}/2-x:1"),
            ):
                with pytest.raises(errors.NotOwned):
                    call()
            assert len(containers.ps(all=True)) == 0
            workspace.reset()
        assert world.looks(*things) == before
        assert kept.read_text() == "ada's"
        with being(other):
            registry.tag("busybox", f"{other}/x:1")
            containers.run("busybox", "true", name="box")
        with being(ada):
            removed = set(workspace.reset().name)
        assert set(things) | {f"files/{ada}/2-x.tar"} == removed
        assert world.container(f"{other}-box") and world.image(f"{other}/x:1")
    finally:
        for name in (ada, other):
            with being(name):
                workspace.reset()


def test_curl_asks_no_container_of_another(world):
    name = f"{world.me}-taken"
    world.plant(name, words=SERVICE, options="-d -p 127.0.0.1:8955:80")
    with pytest.raises(errors.NotOwned, match=name):
        containers.curl("taken")


def test_a_page_is_the_container_s_whatever_the_path(world):
    containers.run("busybox", SERVICE, name="web", detach=True, publish="8956:80")
    containers.exec_("web", "sh -c 'echo grüße > /home/index.html'")
    for path in ("/", "", "index.html", "/index.html"):
        assert containers.curl("web", path) == "grüße\n"
    with pytest.raises(errors.LessonError, match="404"):
        containers.curl("web", "@127.0.0.2/")


BIG = "sh -c 'yes abcdefghi | head -c 30000000; echo the end'"


def check_end(text):
    assert text.startswith("[only the end ") and text.endswith("abcdefghi\nthe end\n")
    assert len(text) < 1_001_000


def test_a_log_without_an_end_fills_neither_disk_nor_notebook(world):
    containers.run("busybox", "sh -c 'yes & sleep 4; kill $!; echo the end'", name="box")
    made = world.container(f"{world.me}-box")
    assert made["HostConfig"]["LogConfig"] == {"Type": "local", "Config": {}}
    tracemalloc.start()
    text = containers.logs("box")
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    assert text.startswith("[only the end ") and text.endswith("y\nthe end\n")
    assert len(text) < 1_001_000


def test_a_long_output_is_cut_and_says_so(world):
    done = containers.run("busybox", BIG, name="box")
    check_end(done)
    assert done.exit_code == 0
    check_end(containers.logs("box"))


def test_a_short_output_is_whole(world):
    words = "sh -c 'yes abcdefghi | head -c 300000; echo the end'"
    expected = "abcdefghi\n" * 30_000 + "the end\n"
    assert containers.run("busybox", words, name="box") == expected
    assert containers.logs("box") == expected


def test_a_long_output_of_exec_and_a_long_page_are_cut(world):
    containers.run("busybox", SERVICE, name="web", detach=True, publish="8957:80")
    check_end(containers.exec_("web", BIG))
    containers.exec_("web", "sh -c 'head -c 30000000 /dev/zero > /home/big'")
    page = containers.curl("web", "/big")
    assert page.startswith("[only ") and len(page) < 1_001_000


def test_the_shown_line_limits_the_log(world, shown):
    containers.run("busybox", "true", name="box")
    assert " --log-driver local " in shown[-1]


def test_the_log_of_a_registry_of_one_s_own_is_limited(world, store):
    made = world.container(f"{world.me}-registry")
    assert made["HostConfig"]["LogConfig"]["Type"] == "local"


@pytest.fixture
def labelled(world):
    """An image that bears a label `exitCode`."""
    name = f"{world.me}/labelled:1"
    containers.run("busybox", "true", name="base")
    images.commit("base", name, change="LABEL exitCode=7")
    return name


def test_a_label_is_not_taken_for_an_exit_code(world, labelled):
    """The Engine writes the label over the code in its events; elsewhere it stands."""
    for image, code in (("busybox", [3]), (labelled, [])):
        containers.run(image, "sh -c 'exit 3'", name="box")
        found = containers.events("box")
        assert found.exit_code.dropna().tolist() == code and "die" in set(found.action)
        assert containers.ps("box", all=True).exit_code.tolist() == [3]
    for end in (containers.kill, functools.partial(containers.stop, grace=0)):
        containers.run(labelled, "sleep 60", name="stays", detach=True)
        assert end("stays").exit_code.tolist() == [137]


def test_of_a_container_that_goes_away_with_its_end_no_exit_code_is_known(world):
    for end in (containers.kill, functools.partial(containers.stop, grace=0)):
        containers.run("busybox", "sleep 60", name="brief", detach=True, rm=True)
        [row] = end("brief").itertuples()
        assert row.state in ("removing", "removed") and row.name == f"{world.me}-brief"
        assert row.exit_code is pd.NA or (row.state, row.exit_code) == ("removing", 137)


@pytest.mark.parametrize("piece", ["docker.io ", "resolve reference ", "x: ", "a:"])
def test_a_registry_s_long_message_is_read_at_once_and_shown_short(serve, piece):
    """The Engine passes on what the registry says, to the last letter."""
    server = serve()
    message = "\x1b[201~\u202e " + piece * (80_000 // len(piece))
    said = {"errors": [{"code": "UNKNOWN", "message": message}]}
    for method in ("GET", "HEAD"):
        server.answers[method, "/v2/"] = {}
        server.answers[method, "/v2/ada/x/manifests/1"] = (400, said, {})
    begun = time.monotonic()
    with pytest.raises(errors.LessonError) as caught:
        images.pull(f"{server.address}/ada/x:1")
    assert time.monotonic() - begun < 5
    assert [one for one in server.asked if one[1].endswith("/manifests/1")]
    text = str(caught.value)
    assert len(text) < 1500 and "\x1b" not in text and "\u202e" not in text


RUN_ONE = """
import sys
from helpers import containers, engine
from helpers._internal import errors
engine.connect()
for line in sys.stdin:
    try:
        containers.run("busybox", "sleep 0.2", name="one", detach={detach})
        print("! None", flush=True)
    except errors.LessonError as err:
        print("!", type(err).__name__, err, flush=True)
"""


@pytest.mark.parametrize("detach", [True, False])
def test_two_kernels_that_run_one_name_at_once(world, detach):
    command = [sys.executable, "-c", RUN_ONE.format(detach=detach)]
    kernels = [subprocess.Popen(command, text=True, cwd=ROOT, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(2)]  # fmt: skip
    said = []
    for _ in range(8):
        for one in kernels:
            one.stdin.write("\n")
            one.stdin.flush()
        for one in kernels:
            line = next(line for line in one.stdout if line.startswith("!"))
            said.append(line.removeprefix("!").strip())
    for one in kernels:
        one.communicate(timeout=20)
        assert one.returncode == 0
    assert len(said) == 16 and "None" in said
    for text in said:
        assert len(text) < 500 and not text.startswith("LessonError"), text
    assert world.mine() in ([], [f"{world.me}-one"])
    containers.run("busybox", "true", name="one")
    assert engine.connect().ping()
