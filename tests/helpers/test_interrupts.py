"""The kernel is interrupted: a clear line, no half file, and the cell can be run again."""

import pytest

from helpers import workspace
from helpers._internal import errors, files, images
from helpers._internal.command import shown


def interrupted(*chunks):
    yield from chunks
    raise KeyboardInterrupt


def test_it_is_said_in_one_sentence():
    with pytest.raises(errors.LessonError) as caught, shown("docker pull busybox"):
        raise KeyboardInterrupt
    wanted = "docker pull busybox: it was interrupted. Run the cell again to do it whole."
    assert str(caught.value) == wanted


def test_a_file_that_was_there_stays_and_there_is_no_half_one():
    path = workspace.file("interrupted.tar")
    path.write_bytes(b"as it was")
    try:
        with pytest.raises(KeyboardInterrupt):
            files.write(path, interrupted(b"half", b"of it"))
        assert path.read_bytes() == b"as it was"
        assert not list(path.parent.glob("interrupted.tar.*"))
        files.write(path, iter([b"whole"]))
        assert path.read_bytes() == b"whole"
    finally:
        path.unlink()


def test_a_transfer_can_be_begun_again():
    stream = interrupted({"id": "0123456789ab", "status": "Downloading"})
    with pytest.raises(KeyboardInterrupt):
        images.transfer("busybox", stream)
    digest = "sha256:" + "a" * 64
    done = images.transfer("busybox", iter([{"status": f"Digest: {digest}"}]))
    assert done.digest == digest
