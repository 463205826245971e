"""What a cell needs from before: there, whole, and made by the commands that stand folded."""

import pytest

from helpers import containers, images, samples
from helpers._internal import command


@pytest.fixture
def shown(monkeypatch):
    made = []
    monkeypatch.setattr(command, "display", lambda one, **more: made.append(one))
    return made


def test_hello_is_an_image_of_two_layers_with_a_command_and_a_variable(world, shown):
    name = samples.hello(f"{world.me}/hello:1")
    [one] = shown
    assert one.lines == () and len(one.prepared) == 3
    world.sh(f"docker rmi {name}")
    for line in one.prepared:
        world.sh(line)
    facts = images.inspect(name)[name]
    assert (facts["layers"], facts["cmd"]) == (2, ["cat", "/hello.txt"])
    assert "COURSE=docker" in facts["env"]
    assert containers.run(name, rm=True) == "hello\n"


def test_a_file_system_is_one_that_can_be_imported(world, shown):
    samples.file_system("rootfs.tar")
    [one] = shown
    assert [line.split()[1] for line in one.prepared] == ["rm", "run", "export"]
    images.import_("rootfs.tar", f"{world.me}/flat:1")
    assert containers.run(f"{world.me}/flat:1", "cat /hello.txt", rm=True) == "hello\n"
