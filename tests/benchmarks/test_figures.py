"""What the bench computes and writes, without an Engine; and that its watch sees what it should."""

import statistics

import pytest

from benchmarks import cell, measures
from benchmarks.figures import Figure, spread, table
from benchmarks.room import ROOT
from helpers import engine


@pytest.mark.parametrize(
    ("values", "wanted"),
    [((3,), (3, 3, 3)), ((1, 2, 3, 4, 9), (2, 3, 4)), ((4, 1), (1.75, 2.5, 3.25))],
)
def test_the_middle_half_lies_between_the_quartiles(values, wanted):
    assert spread(values) == wanted


def test_a_ratio_is_that_of_each_turn():
    slow_turn = Figure("", helpers=(1.0, 1.0, 8.0), against=(2.0, 2.0, 8.0), goal=0.5)
    assert slow_turn.ratios == (0.5, 0.5, 1.0)
    assert slow_turn.judged == 0.5 and not slow_turn.over


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (
            Figure("a", (0.03,), (0.04,), 0.5),
            ["30.0 ms", "40.0 ms", "0.75", "≤ 0.50", "✗ 50.0% over"],
        ),
        (Figure("a", (0.02,), (0.04,), 0.5), ["20.0 ms", "40.0 ms", "0.50", "≤ 0.50", "✓"]),
        (Figure("a", (2.0, 4.0), (), 60), ["3.00 s (2.50–3.50)", "", "", "≤ 60 s", "✓"]),
        (Figure("a", (0.003,), (), 0.02), ["3.00 ms", "", "", "≤ 20 ms", "✓"]),
        (Figure("a", (12.0,)), ["12.0 s", "", "", "", ""]),
        (Figure("a", (1, 1, 2), (), 1, "", max), ["1 (1–2)", "", "", "≤ 1", "✗ 100.0% over"]),
        (
            Figure("a", (2**20, 2**26), (), 2**25, "B", max),
            ["32.5 MiB (16.8–48.2)", "", "", "≤ 32 MiB", "✗ 100.0% over"],
        ),
    ],
)
def test_a_row_says_it_all(figure, cells):
    assert list(figure.row()) == ["a", *cells]


def test_a_table_is_aligned_and_says_why_a_goal_is_missed():
    reached = Figure("short", (1.0,), (2.0,), 0.5, why="It is never said.")
    missed = Figure("much longer", (3.0,), (2.0,), 0.5, why="It waits.")
    head, first, second, *below = table([reached, missed]).splitlines()
    assert first.index("1.00 s") == second.index("3.00 s") == head.index("helpers")
    assert first.index("2.00 s") == second.index("2.00 s") == head.index("the other")
    assert below == ["✗ much longer: 200.0% over the goal. It waits."]


def test_the_sides_take_turns_and_the_warm_up_does_not_count():
    seen = []

    def side(name):
        return lambda: seen.append(name) or len(seen)

    ours, theirs = measures.turns(3, 1, side("a"), side("b"))
    assert "".join(seen) == "baabbaab"
    assert (ours, theirs) == ([3, 6, 7], [4, 5, 8])


def test_a_machine_that_is_too_slow_takes_fewer_turns(monkeypatch):
    monkeypatch.setattr(measures, "_LONGEST", -1)
    ours, theirs = measures.turns(5, 1, lambda: 1, lambda: 2)
    assert (ours, theirs) == ([1], [2])


def test_what_the_helpers_import_is_found():
    own, foreign = measures._modules(ROOT)
    assert {"helpers.images", "helpers.tables"} <= set(own)
    assert {"docker", "pandas", "ipywidgets"} <= set(foreign)
    assert "matplotlib.pyplot" not in foreign  # only where something is drawn
    assert not any(name.startswith("helpers") or name in ("re", "json") for name in foreign)


def test_the_watch_sees_memory_calls_and_waiting():
    quick = cell.timed(lambda: None)
    assert quick["calls"] == 0 and quick["memory"] < 2**20
    assert cell.timed(lambda: bytearray(2**26))["memory"] > 2**25
    asked = cell.timed(lambda: [engine.connect().api.version() for _ in range(3)])
    assert asked["calls"] == 3 and 0 < asked["waited"] < asked["seconds"]


def test_the_figures_of_a_measure_can_be_judged_in_two_ways():
    values = (1.0, 1.0, 5.0)
    assert Figure("", values, judge=max).judged == 5.0
    assert Figure("", values).judged == statistics.median(values)
