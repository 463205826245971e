"""The frame of an exercise: a task, what must hold, hints for where one stands, a solution."""

import ast
import html
import inspect
import re
import textwrap
from dataclasses import dataclass

import numpy as np

from exercises.world import World
from helpers._internal import command, errors, readable
from helpers._internal.command import Command

_COLOURS = {"✓": "#1f883d", "✗": "#d1242f", "·": "inherit"}

OVER = "OVER"  # in a hint: the call that starts the exercise over
_AGAIN = (
    "\n\n(Run again, the cell leaves all as it stands. `exercises.{name}.begin(again=True)` starts "
    "over.)"
)
_PASSWORD = (
    ". (`docker login` asks for the password. Choose one in a cell before: "
    "`from getpass import getpass`, `registry.private(password=getpass())`.)"
)


@dataclass(frozen=True)
class Finding:
    """What a condition finds.

    Attributes:
        holds: Whether it is as the task wants it.
        text: What is there, in a few words.
        hints: What to do next; each says more than the one before.
        begun: Whether the learner has done something for it.
    """

    holds: bool
    text: str
    hints: tuple = ()
    begun: bool = True


def yes(text):
    """Find that a condition holds."""
    return Finding(True, text)


def no(text, *hints):
    """Find that a condition does not hold; the hints lead on from there."""
    return Finding(False, text, hints)


def absent(text, *hints):
    """Find that nothing has been done for a condition yet."""
    return Finding(False, text, hints, begun=False)


def _plain(value):
    """Read an answer: a word or a number, alone or as the only one in a list or a table."""
    while not isinstance(value, (str, bytes)) and getattr(value, "__len__", None):
        values = np.asarray(list(value) if isinstance(value, dict) else value)
        if values.size != 1:
            raise errors.InvalidInput(
                "check(…)",
                f"one word or number is wanted, and this is a {type(value).__name__} of "
                f"{' × '.join(map(str, values.shape))}",
                "Take the one that is asked for out of it, or count it with len(…)",
            )
        value = values.ravel()[0]
    return f"{value}".strip()


def given(condition):
    """Say nothing about what the task starts from, unless it does not hold any more."""

    def changed(world):
        found = condition(world)
        return None if found is None or found.holds else found

    return changed


class Lines:
    """Short lines of text; in a notebook, what stands between backticks looks like code.

    Args:
        title: The first line.
        rows: The other lines.
    """

    def __init__(self, title, rows=()):
        self.title, *self.rows = (_one_line(text) for text in (title, *rows))

    def __repr__(self):
        return "\n".join([self.title, *self.rows])

    def _repr_html_(self):
        rows = "".join(f"<div>{_marked(row)}</div>" for row in self.rows)
        return f'<div style="line-height:1.6"><strong>{_marked(self.title)}</strong>{rows}</div>'


def _one_line(text):
    return readable.visible(text).replace("\n", "\\n")


def _marked(text):
    safe = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))
    colour = _COLOURS.get(text[:1])
    return f'<b style="color:{colour}">{safe[0]}</b>{safe[1:]}' if colour else safe


class Report(Lines):
    """What `check` found; it is true when all is as the task wants it."""

    def __init__(self, exercise, findings):
        self.findings = findings
        left = [one for one in findings if not one.holds]
        state = f"{len(findings) - len(left)} hold, {len(left)} not yet"
        if not left:
            state = "done"
        elif len(left) == len(findings) and not any(one.begun for one in left):
            state = "not started yet"
        rows = [f"{'✓' if one.holds else '✗'} {one.text}" for one in findings]
        if left:
            rows.append(f"· Stuck? `exercises.{exercise.name}.hint()`")
        super().__init__(f"{exercise.title}: {state}", rows)

    def __bool__(self):
        return all(one.holds for one in self.findings)


class Solution(Command):
    """One way to solve an exercise: the helper's calls, and the docker commands.

    Attributes:
        python: The calls, to run in a cell.
        lines: The commands, to run in a terminal in the notebooks' folder.
    """

    def __init__(self, python, lines):
        super().__init__(*lines)
        self.python = python

    def __repr__(self):
        return f"In a cell:\n\n{self.python}\n\n{self._terminal()}\n\n{super().__repr__()}"

    def _terminal(self):
        asks = any(re.match("docker login (?!.*--password-stdin)", line) for line in self.lines)
        return "Or in a terminal" + (_PASSWORD if asks else ":")

    def _repr_html_(self):
        cell = f'<pre style="{command.STYLE}">{html.escape(self.python)}</pre>'
        commands = super()._repr_html_()
        return f"<p>In a cell:</p>{cell}<p>{_marked(self._terminal())}</p>{commands}"


class Exercise:
    """A task on the real Engine. `exercise` makes one.

    Attributes:
        name: What it is called in its module.
        title: Its first line.
    """

    def __init__(self, function, conditions, docker, prepare, begun, again):
        self.name = function.__name__
        self.title, _, task = inspect.getdoc(function).partition("\n\n")
        self._task = re.sub(r"(?<!\n)\n(?![\n-]) *", " ", task)
        if prepare and again:
            self._task += _AGAIN.format(name=self.name)
        self._conditions = conditions
        self._docker = re.sub(r"\\\n *", "", textwrap.dedent(docker).strip())
        self._prepare, self._begun = prepare, begun
        self._again = again
        self._python = _body(function)
        self._answer = ()
        self._asked = (None, 0)

    def __repr__(self):
        return f"{self.title}\n\n{self._filled()}"

    def _repr_markdown_(self):
        return f"**{self.title}**\n\n{self._filled()}"

    def _filled(self):
        with errors.translate_errors(f"show the exercise {self.name}"):
            return World().fill(self._task)

    def begin(self, *, again=False):
        """Make what the task starts from, and show the task; what is there already stays.

        Args:
            again: Make it anew.

        Returns:
            The exercise, which a notebook shows as its task.

        Raises:
            LessonError: What the task starts from could not be made.
        """
        with errors.translate_errors(f"begin the exercise {self.name}"):
            if self._prepare and (again or not self._begun(World())):
                with command.quietly():
                    self._prepare(World().me)
        self._answer = () if again else self._answer
        return self

    def check(self, *answer):
        """Look at the Engine, the registry and the files, and say what holds; change nothing.

        Args:
            answer: The answer where the task asks for one; the one of before if left out.

        Returns:
            A `Report`, true when all holds.

        Raises:
            InvalidInput: An answer is a table, or has several values.
            EngineUnavailable: No Engine answers.
        """
        self._answer = tuple(map(_plain, answer)) or self._answer
        return Report(self, self._look())

    def hint(self):
        """Give the next step from where one stands; asked again, say more.

        Returns:
            The hint, as `Lines`.

        Raises:
            EngineUnavailable: No Engine answers.
        """
        left = [one for one in self._look() if not one.holds]
        if not left:
            return Lines("Nothing is left to do here.")
        over = f"`exercises.{self.name}.begin(again=True)` starts it over."
        able = self._prepare and self._again
        hints = [one.replace(OVER, over) for one in left[0].hints if able or OVER not in one]
        hints = (*hints, f"One way is shown by `exercises.{self.name}.solution()`.")
        asked = self._asked[1] + 1 if self._asked[0] == hints else 1
        self._asked = (hints, asked)
        return Lines(f"✗ {left[0].text}", [f"· {hint}" for hint in hints[:asked]])

    def solution(self):
        """Show one way to solve it, in the helpers' words and in docker's.

        Returns:
            A `Solution`.

        Raises:
            EngineUnavailable: No Engine answers.
        """
        world = World()
        with errors.translate_errors(f"show the solution of {self.name}"):
            lines = world.fill(self._docker, shell=True).split("\n")
            taken = [name for line in lines for name in re.findall(r"--name (\S+)", line)
                     if world.container(name)]  # fmt: skip
        removed = [command.line("docker", "rm", "-f", name) for name in taken]
        return Solution(self._python, [*removed, *lines])

    def _look(self):
        with errors.translate_errors(f"check the exercise {self.name}"):
            world = World(self._answer)
            if self._begun and not self._begun(world):
                todo = f"`exercises.{self.name}.begin()` makes it."
                return [absent("what it starts from is not there", todo)]
            found = [one for condition in self._conditions if (one := condition(world))]
            return found or [no("this can't be judged at the moment", "Check again.")]


def _body(function):
    """Give the lines of a function's body, without its docstring."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    steps = ast.parse("\n".join(lines)).body[0].body
    return textwrap.dedent("\n".join(lines[steps[1].lineno - 1 :])).replace("  # fmt: skip", "")


def exercise(*, conditions, docker, prepare=None, begun=None, again=True):
    """Declare an exercise: the decorated function's docstring is its task, its body a solution.

    Args:
        conditions: What must hold, in the order in which one gets there: functions of a `World`
            that return `yes(…)`, `no(…)`, `absent(…)`, or `None` where there is nothing to say.
        docker: The solution as docker commands, a line each. It and the docstring may have the
            places that `World.fill` fills in, such as `{me}` and `{store}`.
        prepare: A function of the workspace's name that makes what the task starts from.
        begun: A function of a `World` that tells whether that has been made.
        again: Whether `prepare` also takes back what the learner has done.

    Returns:
        A decorator that makes an `Exercise`.
    """

    def enter(function):
        return Exercise(function, conditions, docker, prepare, begun, again)

    return enter


def exercises(module):
    """Give a module's exercises by name, in their order."""
    return {name: one for name, one in vars(module).items() if isinstance(one, Exercise)}


def _is_done(one):
    try:
        return bool(one.check())
    except errors.EngineUnavailable:
        raise
    except errors.LessonError:  # its own check tells what is wrong
        return False


def progress(module):
    """Say how many of a module's exercises are done, as the Engine stands now.

    Answers to questions are remembered until the kernel ends; all else is in the Engine.

    Args:
        module: The module of the exercises.

    Returns:
        The line, and the names of those that are done and of those that are left, as `Lines`.

    Raises:
        EngineUnavailable: No Engine answers.
    """
    done = {name: _is_done(one) for name, one in exercises(module).items()}
    marks = [
        f"{mark} {', '.join(name for name in done if done[name] == which)}"
        for mark, which in (("✓", True), ("✗", False))
        if which in done.values()
    ]
    return Lines(f"{sum(done.values())} of {len(done)} exercises are done", marks)
