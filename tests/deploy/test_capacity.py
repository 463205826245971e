"""The page of arithmetic: each figure that follows from others is computed anew."""

import math
import re

import pytest

from classroom.paths import ROOT
from tests.deploy.test_kubernetes import cores, mebibytes, merged_values, one_pod

PAGE = ROOT / "deploy" / "kubernetes" / "capacity.md"
LEARNERS = ("300", "3,000")
MISSING = "…"  # not measured yet
WORDS = {"÷": "/", "×": "*", "⌈": "ceil(", "⌉": ")", "⌊": "floor(", "⌋": ")", "least of": "min"}


def _tables(text):
    """Return the page's tables, each a list of rows, without their heads."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.M)
    cells = [[[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
              for line in block.splitlines()] for block in blocks]  # fmt: skip
    return [rows[2:] for rows in cells]


def _number(text):
    return float(text.replace(",", ""))


def _computed(formula, known):
    """Return what a formula of the page gives, as the page writes it."""
    for name in sorted(known, key=len, reverse=True):
        if name in formula and known[name] == MISSING:
            return MISSING
        formula = formula.replace(name, known[name].replace(",", ""))
    formula = re.sub(r"(?<=\d),(?=\d{3})", "", formula)
    for word, python in WORDS.items():
        formula = formula.replace(word, python)
    left = set(re.findall("[a-z]+", formula)) - {"ceil", "floor", "min"}
    assert not left, f"{formula}: what is {left}?"
    value = eval(formula, {"ceil": math.ceil, "floor": math.floor, "min": min})
    return f"{float(f'{value:.3g}'):,g}"


def _wrong(text):
    """Yield what the third table says and what it should say, where these differ."""
    measured, chosen, follows = _tables(text)
    for place, learners in enumerate(LEARNERS):
        known = {"learners": learners, **{row[0]: row[1] for row in measured + chosen}}
        for name, formula, *figures in follows:
            known[name] = _computed(formula, known)
            if figures[place] != known[name]:
                yield f"{name}, {learners} learners: {figures[place]}, and it is {known[name]}"


def test_each_figure_follows_from_the_others():
    assert list(_wrong(PAGE.read_text(encoding="utf-8"))) == []


STALE = [("| 27 |", "| 28 |"), ("| 17 | 167 |", "| 17 | 168 |"), ("| 0.44 |", "| … |"),
         ("| 512 |", "| 640 |"), ("nodes × GB", "nodes ÷ GB")]  # fmt: skip


@pytest.mark.parametrize("line, changed", STALE)
def test_a_figure_that_is_stale_is_found(line, changed):
    text = PAGE.read_text(encoding="utf-8")
    assert line in text
    assert list(_wrong(text.replace(line, changed, 1)))


def test_what_was_chosen_is_what_the_values_say():
    chosen = {row[0]: row[1] for row in _tables(PAGE.read_text(encoding="utf-8"))[1]}
    values, pod = merged_values("closed"), one_pod("closed")
    assert _number(chosen["learners a hub"]) == values["hub"]["activeServerLimit"]
    assert _number(chosen["spawns at once"]) == values["hub"]["concurrentSpawnLimit"]
    asked = [container["resources"]["requests"] for container in pod[1:]]
    assert _number(chosen["cores that a learner asks for"]) == sum(cores(a["cpu"]) for a in asked)
    assert _number(chosen["MiB that a learner asks for"]) == sum(
        mebibytes(a["memory"]) for a in asked
    )
