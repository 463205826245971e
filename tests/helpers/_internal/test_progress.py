"""The bars of a transfer: what they say, where they stand, and that nothing of them stays."""

import os
import pty
import re
import subprocess
import sys

import IPython.display
import pytest

from helpers._internal import command, errors
from helpers._internal.progress import Progress


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


class Kernel:
    """A notebook's kernel: what the outputs of a cell show, one after the other."""

    kernel = True

    def __init__(self):
        self.pictures = []

    def update(self, one):
        self.pictures.append(one._repr_html_())


@pytest.fixture
def pictures(monkeypatch):
    """Each picture that a notebook shows of the command and its bars, as HTML, in order."""
    kernel = Kernel()
    monkeypatch.setattr(command, "get_ipython", lambda: kernel)

    def display(one, display_id):
        assert display_id is True
        kernel.update(one)
        return kernel

    monkeypatch.setattr(command, "display", display)
    return kernel.pictures


def values(picture):
    """The bars of a picture by name: 0.0 to 1.0."""
    bars = re.findall(r'<progress aria-label="(.*?)" value="(.*?)"', picture)
    return {name: float(value) for name, value in bars}


def test_bars_stand_below_the_command_and_leave_it_as_it_was(pictures, clock):
    with command.shown("docker push x"), Progress(clock) as progress:
        clock.now += 1
        progress.update("a", "Pushing", 1, 4)
    assert [values(one) for one in pictures] == [{}, {"all": 0.25, "a": 0.25}, {}]
    assert pictures[0] == pictures[2] and pictures[1].startswith(pictures[0])


def test_they_leave_it_when_the_transfer_fails(pictures, clock):
    with pytest.raises(errors.LessonError), command.shown("x"), Progress(clock) as progress:
        clock.now += 1
        progress.update("a", "Pushing", 1, 4)
        raise KeyboardInterrupt
    assert len(pictures) == 3 and pictures[0] == pictures[2]


def test_a_transfer_of_less_than_0_4_seconds_shows_no_bar(pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        for part in range(39):
            clock.now += 0.01
            progress.update("a", "Pushing", part, 39)
    assert len(pictures) == 1


def test_ten_pictures_a_second_at_most(pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        for part in range(2000):
            clock.now += 0.001
            progress.update("a", "Pushing", part, 2000)
    shown = [values(one)["all"] for one in pictures[1:-1]]
    assert 15 <= len(shown) <= 17  # in 1.6 s
    assert shown == sorted(shown)


def test_a_size_that_arrives_late_does_not_make_the_bar_jump_back(pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        for name, current, total in [("a", 80, 100), ("b", 0, 300), ("b", 300, 300), ("b", 3, 900)]:
            clock.now += 1
            progress.update(name, "Downloading", current, total)
    assert [values(one)["all"] for one in pictures[1:-1]] == [0.8, 0.8, 0.95, 0.98]
    assert [values(one).get("b") for one in pictures[1:-1]] == [None, 0.0, 1.0, 1.0]


def test_unpacking_counts_anew_and_the_bytes_do_not_fall():
    progress = Progress()
    progress.update("a", "Downloading", 100, 100)
    progress.update("a", "Extracting", 1, 100)
    assert (progress.bars["a"].current, progress.bars["a"].fraction) == (100, 1.0)


@pytest.mark.parametrize(
    "status",
    ["Already exists", "Layer already exists", "Pull complete", "Pushed", "Mounted from x"],
)
def test_a_layer_that_needs_nothing_more_is_done(status, pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        clock.now += 1
        progress.update("a", status)
    assert values(pictures[1])["a"] == 1.0
    assert "<span>1 of 1 done</span>" in pictures[1] and f"<span>{status}</span>" in pictures[1]


def test_layers_and_all_of_them_have_size_and_speed(pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        progress.update("a", "Pushing", 0, 8_000_000)
        clock.now += 4
        progress.update("b", "Layer already exists")
        progress.update("a", "Pushing", 2_000_000, 8_000_000)
        clock.now += 4
        progress.update("c", "Pushing", 1000)
    assert "1 of 3 done, 2 MB of 8 MB, 250 kB/s" in pictures[-2]
    assert "<span>Pushing, 2 MB of 8 MB, 500 kB/s</span>" in pictures[-2]
    assert "<span>Pushing, 1 kB, " in pictures[-2]


def test_names_and_words_of_strangers_are_escaped(pictures, clock):
    with command.shown("x"), Progress(clock) as progress:
        clock.now += 1
        progress.update('<b a="', "<i>")
    assert "<b" not in pictures[1] and "<i>" not in pictures[1]
    assert "&lt;b a=&quot;" in pictures[1]


@pytest.mark.parametrize("quiet", [True, False])
def test_without_a_command_that_is_shown_there_are_no_bars(quiet, pictures, clock):
    with command.shown("docker tag x y"):
        pass
    if quiet:
        with command.quietly(), command.shown("docker push x"), Progress(clock) as progress:
            clock.now += 1
            progress.update("a", "Pushing", 1, 2)
    else:
        with Progress(clock) as progress:
            clock.now += 1
            progress.update("a", "Pushing", 1, 2)
    assert len(pictures) == 1


def test_a_command_within_a_command_gives_the_place_back(pictures, clock):
    with command.shown("outer"):
        with command.shown("inner"):
            pass
        with Progress(clock) as progress:
            clock.now += 1
            progress.update("a", "Pushing", 1, 2)
    assert "outer" in pictures[2] and "inner" not in pictures[2]


def test_a_stream_is_passed_on_and_counted():
    pieces = [bytes(2**20), b"end"]
    with Progress() as progress:
        assert list(progress.track(pieces, "x.tar", 2**20 + 3)) == pieces
        bar = progress.bars["x.tar"]
    assert (bar.current, bar.total) == (2**20 + 3, 2**20 + 3)


def test_nothing_is_printed_where_there_is_no_terminal(capsys, clock, monkeypatch):
    monkeypatch.setattr(command, "display", IPython.display.display)  # others may hold it back
    with command.shown("docker push x"), Progress(clock) as progress:
        clock.now += 1
        progress.update("a", "Pushing", 1, 2)
    assert capsys.readouterr() == ("$ docker push x\n", "")


TRANSFER = """
import time
from helpers._internal import command, progress
with command.shown("docker push x"), progress.Progress() as bars:
    time.sleep(progress._DELAY)
    bars.update("a", "Pushing", 1_000_000, 4_000_000)
"""


def test_a_terminal_shows_one_line_and_takes_it_away():
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", TRANSFER], stdout=theirs, stderr=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    line = r"0 of 1 done, 1 MB of 4 MB, \d\.\d+ MB/s"
    assert re.fullmatch(rf"\$ docker push x\r\n\r\x1b\[K{line}\r\x1b\[K", said), said
