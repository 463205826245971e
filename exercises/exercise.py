"""An exercise: a task, the conditions that must hold, hints for where one stands, a solution."""

import ast
import html
import inspect
import math
import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from exercises import panel
from exercises.snapshot import Snapshot
from exercises.text import Lines
from helpers._internal import command, errors
from helpers._internal.command import Command

RESTART_HINT = "RESTART"  # in a hint: how to start the exercise over


@dataclass(frozen=True)
class CheckResult:
    """What a condition finds."""

    holds: bool  # whether it is as the task wants it
    found: str = ""  # what is there, in a few words
    hints: tuple = ()  # what to do next; each says more than the one before
    started: bool = True  # whether the learner has done something for it
    goal: str = ""  # what the task wants

    def __str__(self):
        more = self.found and (f": {self.found}" if self.holds else f" ({self.found})")
        return f"{'✓' if self.holds else '○ not yet:'} {self.goal}{more}"


def met(found=""):
    """Return the result of a condition that holds."""
    return CheckResult(True, found or "")


def not_yet(found, *hints, started=True):
    """Return the result of a condition that does not hold; the hints lead on from there."""
    return CheckResult(False, found, hints, started)


@dataclass(frozen=True)
class Condition:
    """What must hold. In its goal and in hints, `Snapshot.fill` fills in what is in braces.

    Its judge is a function of a `Snapshot`, and of the answers, if there are questions. It returns
    `met()` or `not_yet(…)`; `None` as long as there is nothing to judge.
    """

    goal: str  # what the task wants, in a few words
    judge: Callable
    precondition: bool = False  # the task starts from it; nothing is said of it while it holds
    hints: tuple = ()  # how to find the answers
    questions: tuple = ()  # what is asked for, each a str

    def as_precondition(self):
        """Return the same condition, of which nothing is said while it holds."""
        return replace(self, precondition=True)

    def check(self, snapshot, answer=()):
        """Return a `CheckResult`; `None` for a precondition that holds."""
        if self.questions and not (answer and answer[0]):
            result = not_yet("", *self.hints, started=False)
        else:
            result = self.judge(snapshot, *answer if self.questions else ())
        if self.precondition and (result is None or result.holds):
            return None
        result = result or not_yet("", started=False)
        hints = tuple(map(snapshot.fill, result.hints))
        return replace(result, goal=snapshot.fill(self.goal), hints=hints)


def condition(goal, *, precondition=False):
    """Return a decorator that makes a `Condition` of its judge."""
    return lambda judge: Condition(goal, judge, precondition)


def question(goal, *hints):
    """Return a decorator that makes a `Condition` of a judge of answers, which it names."""

    def decorate(judge):
        _, *names = inspect.signature(judge).parameters
        asked = tuple(name.replace("_", " ").capitalize() for name in names)
        return Condition(goal, judge, hints=hints, questions=asked)

    return decorate


def _plain(value):
    """Read an answer: a word or a number, alone or as the only one in a list or a table."""
    values = np.ravel(list(value) if isinstance(value, dict) else value)
    if values.size != 1:
        many = f"one word or number is wanted, and this is a {type(value).__name__} of them"
        raise errors.InvalidInput("check(…)", many, "Take one out, or count them with len(…)")
    return f"{values[0]}".strip()


class Report(Lines):
    """What `check` found, a `CheckResult` a condition; it is true when all holds."""

    def __init__(self, exercise, results):
        self.results = results
        held = sum(result.holds for result in results)
        self.state = f"{held} of {len(results)} hold"
        if held == len(results):
            self.state = "done"
        elif exercise.was_done:
            self.state = f"done before; now {self.state}"
        elif not any(result.started for result in results):
            self.state = "not started yet"
        rows = [str(result) for result in results]
        if held < len(results):
            rows.append(f"Stuck? `exercises.{exercise.name}.hint()`")
        super().__init__(f"{exercise.title}: {self.state}", rows)

    def __bool__(self):
        return all(result.holds for result in self.results)

    @property
    def next(self):
        """The first result that does not hold and says something; `None` where all is done."""
        left = [result for result in self.results if not result.holds]
        return next((result for result in left if result.hints), left[0] if left else None)


class Solution(Command):
    """One way to solve an exercise: `python`, to run in a cell, and `lines` for a terminal."""

    def __init__(self, python, lines):
        super().__init__(*lines)
        self.python = python

    def __repr__(self):
        return f"In a cell:\n\n{self.python}\n\nOr in a terminal:\n\n{super().__repr__()}"

    def _repr_html_(self):
        cell = f'<pre style="{command.STYLE}">{html.escape(self.python)}</pre>'
        return f"<p>In a cell:</p>{cell}<p>Or in a terminal:</p>{super()._repr_html_()}"


@dataclass(frozen=True)
class Start:
    """What a task starts from."""

    prepare: Callable  # a function of the workspace's name that makes it
    is_prepared: Callable  # a function of a `Snapshot`: whether it has been made
    again: bool = True  # whether `prepare` also takes back what the learner has done
    conditions: tuple = ()  # what must hold of it


class Exercise:
    """A task on the real Engine; alone in a cell, a panel that follows. `exercise` makes one.

    Attributes:
        answer: What was answered to its `questions`, a tuple of str.
        begun: Whether something was done for it when it was last looked at.
        was_done: Whether all held at some time since the kernel's start, or since `start_over`.
        lesson: The name of the module that it is in.
        ready: When what it starts from was made, in seconds of `time.monotonic`.
    """

    def __init__(self, function, conditions, start):
        self.name, text = function.__name__, inspect.getdoc(function)
        self.lesson, self.begun = function.__module__.rpartition(".")[2], False
        self.title, _, rest = text.partition("\n\n")
        task, _, lines = rest.partition("\n\n$ ")
        self._task = re.sub(r"(?<!\n)\n(?![\n-]) *", " ", task)
        self._lines = re.sub(r"\n +", " ", lines).replace("\n$ ", "\n")
        self._conditions = (*(start.conditions if start else ()), *conditions)
        self._python, self._start = _body(function), start
        self.questions = next((one.questions for one in conditions if one.questions), ())
        self.can_restart = bool(start and start.again)
        self.answer, self.was_done, self.ready, self._hinted = (), False, 0, (None, 0)

    @property
    def task(self):
        """The task, with what is yours filled in."""
        with errors.translate_errors(f"show the exercise {self.name}"):
            return Snapshot().fill(self._task)

    def __repr__(self):
        return f"{self.title}\n\n{self.task}"

    def _ipython_display_(self):
        panel.show(self.prepare())

    def prepare(self):
        """Make what the task starts from; what is there already stays. Return the exercise."""
        return self._make_ready(again=False)

    def start_over(self):
        """Make what the task starts from anew, and forget the answer. Return the exercise."""
        self.answer, self.was_done = (), False
        return self._make_ready(again=self.can_restart)

    def _make_ready(self, again):
        self.ready = math.inf  # meanwhile nobody judges what is there
        try:
            with errors.translate_errors(f"prepare the exercise {self.name}"), command.quietly():
                if self._start and (again or not self._start.is_prepared(Snapshot())):
                    self._start.prepare(Snapshot().me)
        finally:
            self.ready = time.monotonic()
        return self

    def check(self, *answer):
        """Look what holds, and change nothing; return a `Report`, which is true when all holds.

        Args:
            answer: The answer where the task asks for one; the one of before if left out.

        Raises:
            InvalidInput: An answer is a table, or has several values; or there are too many.
        """
        if len(answer) > len(self.questions):
            asked = ", ".join(self.questions) or "no answer"
            raise errors.InvalidInput("check(…)", "these are too many answers", f"Give {asked}")
        self.answer = tuple(map(_plain, answer)) or self.answer
        return self.report(Snapshot())

    def report(self, snapshot):
        """Return the `Report` for a `Snapshot`."""
        with errors.translate_errors(f"check the exercise {self.name}"):
            if self._start and not self._start.is_prepared(snapshot):
                todo = f"Run the cell with `exercises.{self.name}` again: it makes it."
                goal = "what the task starts from is there"
                return Report(self, [CheckResult(False, "it is not", (todo,), False, goal)])
            checked = [one.check(snapshot, self.answer) for one in self._conditions]
            report = Report(self, [result for result in checked if result])
        self.begun = any(result.started for result in report.results)
        self.was_done = self.was_done or bool(report)
        return report

    def hints(self, report):
        """Return the hints for where one stands, a list of str."""
        if not report.next:
            return []
        over = f"The button Start over, or `exercises.{self.name}.start_over()`, makes it anew."
        hints = [hint.replace(RESTART_HINT, over) for hint in report.next.hints
                 if self.can_restart or RESTART_HINT not in hint]  # fmt: skip
        return [*hints, f"One way is shown by Solution, or `exercises.{self.name}.solution()`."]

    def hint(self):
        """Return the next step from where one stands, as `Lines`; asked again, more of it."""
        report = self.report(Snapshot())
        if report:
            return Lines("Nothing is left to do here.")
        hints = self.hints(report)
        self._hinted = (hints, self._hinted[1] + 1 if self._hinted[0] == hints else 1)
        return Lines(str(report.next), [f"· {hint}" for hint in hints[: self._hinted[1]]])

    def solution(self):
        """Return one way to solve it, in the helpers' words and in docker's: a `Solution`."""
        snapshot = Snapshot()
        with errors.translate_errors(f"show the solution of {self.name}"):
            lines = snapshot.fill(self._lines, shell=True).split("\n")
            names = [name for line in lines for name in re.findall(r"--name (\S+)", line)]
            taken = [name for name in names if snapshot.container(name)]
        removed = [command.line("docker", "rm", "-f", name) for name in taken]
        return Solution(self._python, [*removed, *lines])


def _body(function):
    """Return the lines of a function's body, without its docstring."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    steps = ast.parse("\n".join(lines)).body[0].body
    return textwrap.dedent("\n".join(lines[steps[1].lineno - 1 :])).replace("  # fmt: skip", "")


def exercise(*conditions, start=None):
    """Declare an exercise.

    The decorated function's docstring is title, task and, behind `$`, a solution as docker
    commands. Its body is a solution with the helpers. Both have places for `Snapshot.fill`.

    Args:
        conditions: What must hold, each a `Condition`, in the order in which one gets there.
        start: What the task starts from, a `Start`.
    """
    return lambda function: Exercise(function, conditions, start)


def exercises(module):
    """Return a module's exercises by name, in their order."""
    return {name: one for name, one in vars(module).items() if isinstance(one, Exercise)}


class Progress:
    """How many exercises of a list are done; alone in a cell, a line that follows."""

    def __init__(self, exercises):
        self.exercises = exercises

    def _ipython_display_(self):
        panel.show_progress(self)

    def __repr__(self):
        list(panel.reports(self.exercises, Snapshot()))  # looks which are done
        rows = [f"{'✓' if one.was_done else '○'} {one.title}" for one in self.exercises]
        done = sum(one.was_done for one in self.exercises)
        return repr(Lines(f"{done} of {len(rows)} exercises are done", rows))


def progress(module):
    """Return how many of a module's exercises are done; in a notebook it follows by itself.

    Done is what holds on the Engine, or has held since the kernel's start.
    """
    return Progress(list(exercises(module).values()))
