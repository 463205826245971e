"""The meter behind the bars: it knows nothing of widgets."""


import pytest

from helpers._internal import progress
from helpers._internal.progress import Meter, Progress


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self):
            return self.now

    return Clock()


def test_a_size_that_arrives_late_does_not_make_the_bar_jump_back():
    meter = Meter()
    meter.take("a", "Downloading", 80, 100)
    assert meter.fraction() == 0.8
    meter.take("b", "Downloading", 0, 300)
    assert meter.fraction() == 0.8
    meter.take("b", "Downloading", 300, 300)
    assert meter.fraction() == 0.95


def test_unpacking_counts_anew_and_the_bytes_do_not_fall():
    meter = Meter()
    meter.take("a", "Downloading", 100, 100)
    meter.take("a", "Extracting", 1, 100)
    assert (meter.parts["a"].current, meter.fraction()) == (100, 1.0)


@pytest.mark.parametrize(
    "status",
    ["Already exists", "Layer already exists", "Pull complete", "Pushed", "Mounted from x"],
)
def test_a_layer_that_needs_nothing_more_is_done(status):
    meter = Meter()
    meter.take("a", status)
    assert meter.parts["a"].done
    assert meter.line() == "1 of 1 done"


def test_the_line_has_parts_bytes_and_speed(clock):
    meter = Meter(clock)
    meter.take("a", "Pushing", 2_000_000, 8_000_000)
    meter.take("b", "Layer already exists")
    clock.now += 4
    assert meter.line() == "1 of 2 done, 2 MB of 8 MB, 500 kB/s"


def test_a_stream_is_passed_on_and_counted(monkeypatch):
    monkeypatch.setattr(progress, "_APPEAR", 0)
    pieces = [bytes(2**20), b"end"]
    with Progress() as bars:
        assert list(bars.passing(pieces, "x.tar", 2**20 + 3)) == pieces
        part = bars._meter.parts["x.tar"]
    assert (part.current, part.total) == (2**20 + 3, 2**20 + 3)


def test_nothing_is_printed_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_APPEAR", 0)
    with Progress() as bars:
        bars.take("a", "Pushing", 1, 2)
    assert capsys.readouterr() == ("", "")
