"""Figures: what was measured, whether it reaches its goal, and the table of it all."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

_HEADS = ("what: against what", "helpers", "the other", "ratio", "goal", "")


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing, again and again.

    Attributes:
        what: What was measured, and against what.
        helpers: What each turn gave, in `unit`.
        against: What the other side gave in the same turns; empty where there is no other side.
        goal: What the ratio, or the figure itself where there is no other side, is to be at most;
            `None` where there is no goal.
        unit: `s`, `B` for bytes, or empty for a count.
        judge: Which of the turns' figures counts: `statistics.median`, or `max`.
        why: What takes the time, to be said where the goal is missed.
    """

    what: str
    helpers: tuple
    against: tuple = ()
    goal: float | None = None
    unit: str = "s"
    judge: Callable = statistics.median
    why: str = ""

    @property
    def ratios(self):
        """The ratio of each turn: two measures that follow each other share the machine's mood."""
        return tuple(a / b for a, b in zip(self.helpers, self.against, strict=bool(self.against)))

    @property
    def judged(self):
        """The one number that is held against the goal."""
        return self.judge(self.ratios or self.helpers)

    @property
    def over(self):
        """By how much the goal is missed, as a part of the goal; 0 where it is reached."""
        return max(0.0, self.judged / self.goal - 1) if self.goal is not None else 0.0

    def row(self):
        """Write the figure as the six cells of the table's row."""
        unit = "" if self.against else self.unit
        goal = _goal(self.goal, unit) if self.goal is not None else ""
        verdict = f"✗ {self.over:.1%} over" if self.over else "✓" if goal else ""
        columns = [(self.helpers, self.unit), (self.against, self.unit), (self.ratios, "")]
        return (self.what, *(_cell(values, unit) for values, unit in columns), goal, verdict)


def spread(values):
    """Sum up numbers.

    Args:
        values: At least one number.

    Returns:
        The lower quartile, the median and the upper quartile: the middle half lies between them.
    """
    if len(values) == 1:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def table(figures):
    """Write figures as a table for a terminal, and below it why some miss their goals.

    Args:
        figures: The figures, a row each.

    Returns:
        The text, a str.
    """
    rows = [_HEADS, *(figure.row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for figure in figures:
        if figure.over:
            lines.append(f"✗ {figure.what}: {figure.over:.1%} over the goal. {figure.why}".rstrip())
    return "\n".join(lines)


def _cell(values, unit):
    """Write the median, and the quartiles in brackets, in one unit; a count is a whole number."""
    if not values:
        return ""
    low, middle, high = spread(values)
    name, one = _scale(middle, unit)
    places = 0 if isinstance(values[0], int) and not unit else 2 if middle < 10 * one else 1
    ends = f" ({low / one:.{places}f}–{high / one:.{places}f})" if low < high else ""
    return f"{middle / one:.{places}f}{name}{ends}"


def _goal(value, unit):
    name, one = _scale(value, unit)
    return f"≤ {value / one:.{2 if isinstance(value, float) and not unit else 0}f}{name}"


def _scale(value, unit):
    """Choose how a number is written: what follows it, and how much one of that is."""
    if unit == "s" and value < 1:
        return " ms", 1e-3
    return {"s": (" s", 1), "B": (" MiB", 2**20), "": ("", 1)}[unit]
