"""Archives that are broken or made for another machine, a full disk, and what is gone or taken."""

import hashlib
import io
import json
import os
import shutil
import struct
import tarfile
from pathlib import Path

import pytest

from helpers import containers, images, registry, workspace
from helpers._internal import files, identity
from helpers._internal.errors import (
    InvalidArchive,
    LessonError,
    NotFound,
    NotOwned,
)
from tests.helpers.integration.faults import wrong


def everything(world):
    """Tell all names of images here that are ours or that we use, with the images' IDs."""
    found = [(name, one["Id"]) for one in world.api.images() for name in one["RepoTags"] or []]
    return sorted(row for row in found if row[0] == "busybox:latest" or world.me in row[0])


@pytest.mark.parametrize(
    "spoil",
    [lambda whole: whole[: len(whole) // 2], lambda whole: whole[:-1500], lambda whole: whole[:700],
     lambda whole: b"", lambda whole: b"no archive at all" * 99, lambda whole: whole[9:]],
    ids=["half", "almost whole", "its first file", "empty", "a text", "its beginning is missing"],
)  # fmt: skip
def test_an_archive_that_is_broken(world, spoil):
    name = f"{world.me}/kept:1"
    containers.run("busybox", "touch /x", name="box")
    images.commit("box", name)
    images.save(name, "kept.tar")
    images.rm(name)
    path = workspace.file("kept.tar")
    whole, before = path.read_bytes(), everything(world)
    path.write_bytes(spoil(whole))
    for call in (lambda: images.load("kept.tar"), lambda: images.contents("kept.tar"),
                 lambda: images.import_("kept.tar", f"{world.me}/flat:1")):  # fmt: skip
        wrong(InvalidArchive, call, "files/", "Save or export it again")
        assert everything(world) == before
    assert path.read_bytes() == spoil(whole)
    path.write_bytes(whole)
    assert images.load("kept.tar") == f"Loaded image: {name}\n"


def elf_of(machine):
    """Make the smallest program for a kind of processor: Linux looks at its head and refuses it."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 240, 240, 4096) + bytes(120)


def tar(**members):
    """Make a tar archive, as bytes, of programs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def saved(name, architecture, program):
    """Make what `docker save` makes of an image with one program, for some architecture."""
    layer = tar(hello=program)
    config = {"architecture": architecture, "os": "linux", "config": {"Cmd": ["/hello"]},
              "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}}  # fmt: skip
    manifest = [{"Config": "c.json", "RepoTags": [name], "Layers": ["l.tar"]}]
    texts = {"c_json": config, "manifest_json": manifest}
    return tar(l_tar=layer, **{key: json.dumps(one).encode() for key, one in texts.items()})


def _digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_an_image_of_another_architecture(world):
    """It can be loaded and looked at; run, its own output says what is wrong."""
    name, here = f"{world.me}/hello:1", world.api.version()["Arch"]
    there, machine = "sparc64", 43  # for which nobody has an emulator at hand
    workspace.file("hello.tar").write_bytes(saved(name, there, elf_of(machine)))
    assert name in images.load("hello.tar")
    for options in ({"name": "box"}, {"rm": True}):
        done = containers.run(name, **options)
        assert done.exit_code != 0 and "exec format error" in done
    containers.run(name, name="box", detach=True)
    assert containers.wait("box").exit_code[0] != 0
    assert "exec format error" in containers.logs("box")
    world.sh(f"docker run --rm busybox cat /bin/busybox > {workspace.file('program')}")
    program = workspace.file("program").read_bytes()
    workspace.file("hello.tar").write_bytes(saved(name, here, program))
    images.load("hello.tar")
    assert containers.run(name, "/hello", name="box") != ""


def test_a_program_of_this_machine_without_a_head_is_no_image_of_another(world):
    """Linux says the same of a script without `#!`; that is the command's own error."""
    workspace.file("x.tar").write_bytes(
        saved(f"{world.me}/x:1", world.api.version()["Arch"], b"echo hello")
    )
    images.load("x.tar")
    done = containers.run(f"{world.me}/x:1", rm=True)
    assert done.exit_code != 0 and "exec format error" in done


@pytest.fixture
def full(world, monkeypatch):
    """Put the lesson's files on a disk of 1 MB; `full()` tells how many bytes of it are free.

    It is a tmpfs that the Engine mounts for a container of this very user, so that nobody needs
    the right to mount here; the way into it is the container's root folder.
    """
    who = f"--user {os.getuid()}:{os.getgid()}"
    world.plant(f"disk-{world.me}", options=f"-d --init {who} --tmpfs /disk:size=1m,mode=1777")
    pid = world.container(f"disk-{world.me}")["State"]["Pid"]
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", Path(f"/proc/{pid}/root/disk"))
    return lambda: shutil.disk_usage(identity.NOTEBOOK_DIR).free


def test_a_full_disk(world, full, monkeypatch):
    """No half file, an older one as it was; and with room, the same cell works."""
    containers.run("busybox", "true", name="box")
    calls = {"saved.tar": lambda: images.save("busybox", "saved.tar"),
             "rootfs.tar": lambda: images.export("box", "rootfs.tar"),
             "program": lambda: containers.cp("box", "/bin/busybox", "program")}  # fmt: skip
    workspace.file("x")
    empty = full()
    assert 900_000 < empty < 1_100_000
    for name, call in calls.items():
        wrong(LessonError, call, "the disk is full", "Make room, then run the cell again")
        assert os.listdir(workspace.file(name).parent) == [] and full() == empty
        workspace.file(name).write_bytes(b"as it was")
        wrong(LessonError, call)
        assert os.listdir(workspace.file(name).parent) == [name]
        assert workspace.file(name).read_bytes() == b"as it was"
        workspace.file(name).unlink()
    monkeypatch.undo()  # a disk with room
    for name, call in calls.items():
        call()
        assert workspace.file(name).stat().st_size > empty


def test_a_container_that_is_gone_already(world):
    """Removed in a terminal meanwhile, or by itself, as `rm=True` wants it."""
    containers.run("busybox", "sleep 60", name="job", detach=True)
    world.sh(f"docker rm -f {world.me}-job")
    for call in (containers.stop, containers.kill, containers.wait, containers.rm):
        wrong(NotFound, lambda call=call: call("job"), "containers.ps(all=True)")
    containers.run("busybox", "sleep 60", name="job", detach=True, rm=True)
    for end in (lambda: containers.stop("job", grace=0), lambda: containers.kill("job")) * 3:
        done = end()  # it is about to go, or has gone
        assert done.name.tolist() == [f"{world.me}-job"]
        assert done.exit_code.dropna().tolist() in ([], [137])
        containers.run("busybox", "sleep 60", name="job", detach=True, rm=True)


def test_a_container_that_has_ended_already_can_be_stopped(world):
    containers.run("busybox", "sh -c 'exit 3'", name="box")
    for _ in range(2):
        assert containers.stop("box").exit_code.tolist() == [3]


def test_a_name_that_is_taken_and_then_free(world):
    """What has it is left alone; when it is gone, the same cells work."""
    name = f"{world.me}-taken"
    world.plant(name)
    before = world.looks(name)
    calls = [lambda: containers.run("busybox", "true", name="taken"),
             lambda: containers.run("busybox", "sleep 9", name="taken", detach=True)]  # fmt: skip
    for call in calls:
        wrong(NotOwned, call, name, "another name")
    assert world.looks(name) == before
    world.sh(f"docker rm -f {name}")
    for call in calls:
        call()
    wrong(NotOwned, lambda: registry.tag("busybox", "other/x:1"), f"{world.me}/")
    assert world.image("other/x:1") is None


def test_a_checkout_that_can_t_be_written(world, monkeypatch):
    world.plant(f"disk-{world.me}", options="-d --init --tmpfs /disk:ro,size=1m")
    pid = world.container(f"disk-{world.me}")["State"]["Pid"]
    containers.run("busybox", "true", name="box")
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", Path(f"/proc/{pid}/root/disk"))
    for call in (lambda: images.save("busybox", "x.tar"), lambda: images.export("box", "x.tar"),
                 lambda: containers.cp("box", "/bin/busybox", "x")):  # fmt: skip
        wrong(LessonError, call, "can't be written there", "a folder of your own")
    for call in (images.contents, images.load):
        wrong(InvalidArchive, lambda call=call: call("x.tar"), "there is no file")


def test_nothing_is_written_through_a_link(world, tmp_path):
    containers.run("busybox", "true", name="box")
    calls = [lambda: images.save("busybox", "x"), lambda: images.export("box", "x"),
             lambda: containers.cp("box", "/bin/busybox", "x")]  # fmt: skip
    (tmp_path / "x").write_text("theirs")
    (tmp_path / "x.part").write_text("theirs")
    path = workspace.file("x")
    path.symlink_to(tmp_path / "x")
    for call in calls:
        wrong(LessonError, call, "is a link", f"rm {path.as_posix()}")
    path.unlink()
    path.with_name("x.part").symlink_to(tmp_path / "x.part")
    images.save("busybox", "x")
    shutil.rmtree(path.parent)
    path.parent.symlink_to(tmp_path)
    for call in calls:
        wrong(LessonError, call, "is a link")
    workspace.reset()
    assert (tmp_path / "x").read_text() == (tmp_path / "x.part").read_text() == "theirs"
    path.parent.unlink()


def test_two_kernels_that_save_one_file(world):
    """What is there is the whole of one, and both were whole."""
    path = workspace.file("x")
    files.write(path, two_at_once(path, b"b"))
    assert path.read_bytes() == b"a" * 9
    assert os.listdir(path.parent) == ["x"]


def two_at_once(path, letter):
    """Be in the middle of writing a file when another kernel writes it."""
    yield b"a" * 4
    files.write(path, [letter * 5, letter * 5])
    assert path.read_bytes() == letter * 10
    yield b"a" * 5
