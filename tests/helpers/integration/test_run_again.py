"""`containers.run` where the name is taken: what is refused leaves the old container as it was."""

import socket

import pytest

from helpers import containers
from helpers._internal import errors


@pytest.fixture
def old(world):
    """A container that runs; gives a function that tells its ID and whether it still runs."""
    containers.run("busybox", "sleep 600", name="web", detach=True)

    def now():
        found = world.container(f"{world.me}-web")
        return found and (found["Id"], found["State"]["Running"])

    return now


@pytest.mark.parametrize(
    "bad",
    [
        {"memory": "1"},
        {"memory": "lots"},
        {"cpus": 10_000},
        {"cpus": "half"},
        {"image": "nowhere"},
        {"image": "NO NAME"},
        {"publish": "80"},
        {"restart": "now"},
        {"env": ["A=1"]},
        {"command": "echo 'x"},
    ],
    ids=str,
)
def test_what_is_refused_leaves_the_old_container(old, bad):
    before = old()
    with pytest.raises(errors.LessonError):
        containers.run(**{"image": "busybox", "name": "web", "detach": True} | bad)
    assert old() == before and before[1]


def test_what_is_not_refused_takes_its_place(old, world):
    before = old()
    containers.run("busybox", "sleep 600", name="web", detach=True)
    after = old()
    assert after[1] and after[0] != before[0]
    assert len(world.api.containers(filters={"name": f"^{world.me}-web$"})) == 1


def test_a_cell_that_is_run_again_opens_the_same_port(world):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    for inside in (80, 80, 81):
        found = containers.run(
            "busybox", "sleep 600", name="web", detach=True, publish=f"{port}:{inside}"
        )
        assert found.ports.tolist() == [f"127.0.0.1:{port}->{inside}/tcp"]


@pytest.mark.parametrize("rm", [False, True])
def test_what_can_t_start_is_named_and_does_not_stay(world, rm):
    with pytest.raises(errors.LessonError, match="no such command"):
        containers.run("busybox", "nope", name="web", detach=True, rm=rm)
    assert world.mine() == []
