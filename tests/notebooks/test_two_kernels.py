"""Two kernels of one person work with the person's one registry, also where both begin at once."""

import pytest

from tests.notebooks import NOTEBOOKS
from tests.notebooks.test_single_cells import WORKSPACE, Kernel, cells_of, reset

SETUP = cells_of(NOTEBOOKS[1])[0].source  # it logs in to the registry
WHO = "store.address, store.user, str(store.password)"
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
def kernels():
    """Two kernels of the same person, where nothing has been made yet."""
    reset()
    both = [Kernel(), Kernel()]
    for kernel in both:
        shown(kernel, "0")
    yield both
    for kernel in both:
        kernel.end()
    reset()


def test_two_that_begin_at_the_same_moment_share_one_password(kernels):
    for kernel in kernels:
        kernel.client.execute(SETUP, stop_on_error=False)
    one, other = (shown(kernel, WHO) for kernel in kernels)
    assert one == other and f"'{WORKSPACE}'" in one and "'random-" in one
    take_turns(*kernels)


def test_a_restart_and_a_new_password_keep_the_other_at_work(kernels):
    for kernel in kernels:
        shown(kernel, SETUP)
    before = shown(kernels[0], WHO)
    restart(kernels[0])
    shown(kernels[0], SETUP)
    assert shown(kernels[0], WHO) == before
    take_turns(*kernels)
    shown(kernels[0], "store = registry.private(password='another one')\nregistry.login(store)")
    said, error = kernels[1].run(PUSH)
    assert error == "AccessDenied" and "registry.login(registry.start())" in said
    shown(kernels[1], "registry.login(registry.start())")
    take_turns(*kernels)
