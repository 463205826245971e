"""The file with the registry's password, without any registry: what many kernels do at once."""

import multiprocessing
import os

import pytest

from helpers._internal import errors, files, own_registry

AT_ONCE, ROUNDS = 6, 25


def begin(barrier, said, folder):
    """Ask for the password as a kernel does, at the very moment when others do, too."""
    for number in range(ROUNDS):
        path = folder / str(number)
        barrier.wait(timeout=30)
        own_registry.choose(path)
        said.put((number, str(own_registry.read(path))))


def test_kernels_that_begin_at_once_have_one_password(tmp_path):
    fork = multiprocessing.get_context("fork")
    barrier, said = fork.Barrier(AT_ONCE), fork.Queue()
    kernels = [fork.Process(target=begin, args=(barrier, said, tmp_path)) for _ in range(AT_ONCE)]
    for one in kernels:
        one.start()
    told = {said.get(timeout=30) for _ in range(AT_ONCE * ROUNDS)}
    for one in kernels:
        one.join(timeout=30)
    assert len(told) == ROUNDS == len({word for _, word in told})
    assert len(list(tmp_path.iterdir())) == ROUNDS  # no part is left
    assert all(word.startswith("random-") and len(word) > 20 for _, word in told)


def change(path, words, barrier):
    barrier.wait(timeout=30)
    for _ in range(300):
        for word in words:
            files.write(path, [word.encode()])


def test_a_password_that_is_changed_is_never_read_by_half(tmp_path):
    path, words = tmp_path / "word", ["a" * 70, "b"]
    own_registry.choose(path, words[0])
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(2)
    other = fork.Process(target=change, args=(path, words, barrier))
    other.start()
    barrier.wait(timeout=30)
    read = {own_registry.read(path) for _ in range(2000)}
    other.join(timeout=30)
    assert read == set(words) and other.exitcode == 0


@pytest.mark.parametrize("umask", [0, 0o22, 0o77])
def test_nobody_else_can_read_it(tmp_path, umask):
    before = os.umask(umask)
    try:
        own_registry.choose(tmp_path / "word")
        own_registry.choose(tmp_path / "chosen", "mine")
    finally:
        os.umask(before)
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}


def test_one_that_is_there_stays_until_another_is_chosen(tmp_path):
    path = tmp_path / "word"
    for chosen, found in ((None, None), (None, None), ("mine", "mine"), (None, "mine")):
        before = path.exists() and own_registry.read(path)
        own_registry.choose(path, chosen)
        assert own_registry.read(path) == (found or before or own_registry.read(path))
    assert repr(own_registry.read(path)) == "'…'"


def test_what_stands_in_the_way_is_said(tmp_path):
    (tmp_path / "word").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(errors.LessonError, match=f"read {tmp_path}/word: .*directory"):
        own_registry.read(tmp_path / "word")
    with pytest.raises(errors.LessonError, match=f"write {tmp_path}/file/word: "):
        own_registry.choose(tmp_path / "file" / "word", "mine")
    with pytest.raises(errors.LessonError, match=f"write {tmp_path}/word: .*directory"):
        own_registry.choose(tmp_path / "word", "mine")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "word"]


@pytest.mark.parametrize("content", [b"mine", b"mine\n", b"mine\r\n"])
def test_what_an_editor_writes_at_the_end_does_not_count(tmp_path, content):
    """`docker login --password-stdin` takes the same off."""
    (tmp_path / "word").write_bytes(content)
    assert own_registry.read(tmp_path / "word") == "mine"


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff", b"x" * 73])
def test_a_file_with_no_password_in_it_is_named(tmp_path, content):
    (tmp_path / "word").write_bytes(content)
    with pytest.raises(errors.InvalidInput, match=str(tmp_path / "word")):
        own_registry.read(tmp_path / "word")
