"""Two kernels of one person, which both work with the person's registry, do not meet."""

import pytest

from tests.notebooks import NOTEBOOKS
from tests.notebooks.test_single_cells import WORKSPACE, Kernel, cells_of, reset

SETUP = cells_of(NOTEBOOKS[1])[0].source  # it logs in to the registry
PUSH = """
sent = f"{store}/{me}/turns:1"
containers.run("busybox", "cp /proc/sys/kernel/random/uuid /new.txt", name="turns")
images.commit("turns", sent)
workspace.file("turn.txt").write_text(images.push(sent).digest)
"""
PULL = """
sent = f"{store}/{me}/turns:1"
images.pull(sent).digest == workspace.file("turn.txt").read_text()
"""


def shown(kernel, source):
    """Run a cell that raises nothing, and give its last line."""
    said, error = kernel.run(source)
    assert error is None, said
    return said.splitlines()[-1] if said else ""


def begin(kernel):
    """Run the notebook's first cell; gives the user that the registry knows the kernel by."""
    shown(kernel, SETUP)
    return shown(kernel, "store.user").strip("'")


def restart(kernel):
    """Restart a kernel as the button does."""
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)


def take_turns(one, other):
    """Each pushes an image of its own under the same name, and the other pulls that."""
    for sends, gets in ((one, other), (other, one)):
        shown(sends, PUSH)
        assert shown(gets, PULL) == "True"


@pytest.fixture
def begun():
    """Return a function that starts a kernel of the same person; all of them end."""
    kernels = []

    def start():
        kernels.append(Kernel())
        return kernels[-1]

    reset()
    yield start
    for kernel in kernels:
        kernel.end()
    reset()


def test_each_has_a_user_of_its_own_also_after_a_restart(begun):
    one, two = begun(), begun()
    assert [begin(one), begin(two)] == [WORKSPACE, f"{WORKSPACE}-2"]
    assert shown(one, "store.address[-4:]") == shown(two, "store.address[-4:]")
    take_turns(one, two)
    for gone, user, stays in ((one, WORKSPACE, two), (two, f"{WORKSPACE}-2", one)):
        restart(gone)
        assert begin(gone) == user
        take_turns(stays, gone)


def test_neither_password_works_for_the_other_user(begun):
    one, two = begun(), begun()
    users = begin(one), begin(two)
    for kernel, other in zip((one, two), users[::-1], strict=True):
        said, error = kernel.run(f"registry.login(store, {other!r})")
        assert error == "WrongPassword", said
        shown(kernel, PUSH)  # as itself it is still logged in


def test_after_both_have_ended_a_new_one_is_the_plain_user_again(begun):
    kernels = [begun(), begun()]
    for kernel in kernels:
        begin(kernel)
    for kernel in kernels:
        kernel.end()
    new = begun()
    assert begin(new) == WORKSPACE
    shown(new, PUSH)


def test_two_that_begin_at_the_same_moment_both_get_in(begun):
    kernels = [begun(), begun()]
    for kernel in kernels:
        shown(kernel, "0")
    for _ in range(3):
        reset()
        for kernel in kernels:
            restart(kernel)
        for kernel in kernels:
            kernel.client.execute(SETUP, stop_on_error=False)
        users = [shown(kernel, "store.user").strip("'") for kernel in kernels]
        assert sorted(users) == [WORKSPACE, f"{WORKSPACE}-2"]
        take_turns(*kernels)
