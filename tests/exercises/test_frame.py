"""The frame of the exercises, and conditions in states that are awkward to bring about."""

import copy
import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from exercises import conditions, frame
from exercises.frame import absent, exercise, given, no, yes
from helpers._internal import command
from helpers._internal.errors import EngineUnavailable, InvalidArchive, InvalidInput

PAYLOAD = "<img src=x onerror=alert(1)>"


class World:
    """What a condition looks at, as a test says it is."""

    me, store = "ada", None

    def __init__(self, answer=(), *, containers=(), images=(), tags=()):
        self.answer, self._containers, self._images = answer, dict(containers), dict(images)
        self._tags = list(tags)

    def fill(self, text, *, shell=False):
        return text.format(me="ada")

    def full(self, name):
        return f"ada-{name}"

    def container(self, name):
        return self._containers.get(name)

    def image(self, name):
        return self._images.get(name)

    def content(self, name):
        return self._images.get(name)

    def tags(self, repository):
        return self._tags


@pytest.fixture
def state():
    """What the one condition of `made` finds; a test changes it."""
    return {"found": absent("nothing is there", "first", "second", "third")}


@pytest.fixture
def made(state, monkeypatch):
    monkeypatch.setattr(
        frame, "World", lambda answer=(): World(answer, containers={"ada-web": "a container"})
    )

    @exercise(
        conditions=[lambda world: yes("one"), lambda world: state["found"]],
        docker="""
            docker run --name {me}-web \\
                busybox
            docker run --name {me}-new busybox
        """,
    )
    def web(me):
        """A title

        A task for {me}
        that goes on.

        - a point
          of two lines
        """
        x = 1  # fmt: skip
        print(me, x)

    return web


def test_an_exercise_is_its_function(made):
    assert made.name == "web"
    assert made.title == "A title"
    assert repr(made) == "A title\n\nA task for ada that goes on.\n\n- a point of two lines"
    assert made._repr_markdown_().startswith("**A title**\n\n")


def test_the_solution_is_the_function_s_body_and_the_lines(made):
    found = made.solution()
    assert found.python == "x = 1\nprint(me, x)"
    assert found.lines == (
        "docker rm -f ada-web",
        "docker run --name ada-web busybox",
        "docker run --name ada-new busybox",
    )
    assert "password" not in repr(found)


def test_a_solution_that_logs_in_says_which_password(made):
    made._docker = "docker login ada"
    assert "registry.private(password=getpass())" in repr(made.solution())
    assert "<code>docker login</code>" in made.solution()._repr_html_()


@pytest.mark.parametrize(
    ("found", "title", "passed"),
    [
        (yes("two"), "A title: done", True),
        (no("two"), "A title: 1 hold, 1 not yet", False),
        (absent("two"), "A title: 1 hold, 1 not yet", False),
        (None, "A title: done", True),
    ],
)
def test_a_report_says_where_one_stands(made, state, found, title, passed):
    state["found"] = found
    report = made.check()
    assert (report.title, bool(report)) == (title, passed)
    assert ("hint()" in repr(report)) != passed


def test_nothing_done_is_not_started(made, state):
    made._conditions = made._conditions[1:]
    assert made.check().title == "A title: not started yet"


def test_hints_say_more_each_time_until_the_state_changes(made, state):
    asked = [len(made.hint().rows) for _ in range(6)]
    assert asked == [1, 2, 3, 4, 4, 4]
    assert "solution()" in made.hint().rows[-1]
    state["found"] = no("another state", "other")
    assert made.hint().rows == ["· other"]
    state["found"] = yes("all")
    assert made.hint().title == "Nothing is left to do here."


def test_an_answer_is_remembered(made):
    given = []
    made._conditions = [conditions.answered(lambda world, number: given.append(number))]
    assert made.check().title == "A title: not started yet"
    made.check(3)
    made.check()
    made.check([3])
    assert given == ["3", "3", "3"]


@pytest.mark.parametrize(
    "answer", [[1, 2], [], pd.DataFrame({"a": [1, 2]}), pd.Series([1, 2]), {"a": 1, "b": 2}]
)
def test_a_table_is_no_answer_and_is_not_remembered(made, answer):
    made._conditions = [conditions.answered(lambda world, number: yes("right"))]
    with pytest.raises(InvalidInput, match="one word or number is wanted"):
        made.check(answer)
    assert made.check().title == "A title: not started yet"


@pytest.mark.parametrize(
    "answer", [3, "3", " 3 ", [3], ("3",), pd.Series([3]), pd.DataFrame({"a": [3]}), np.int64(3)]
)
def test_one_value_is_an_answer(made, answer):
    judge = conditions.answered(lambda world, number: yes("right") if number == "3" else no(number))
    made._conditions = [judge]
    assert made.check(answer)


def test_what_can_t_be_judged_is_not_done(made):
    made._conditions = [lambda world: None]
    assert not made.check()


def test_one_broken_exercise_does_not_hide_the_others(made):
    def broken(world):
        raise InvalidArchive("read it", "it is garbage", "Make it anew")

    other = copy.copy(made)
    other._conditions = [broken]
    made._conditions = [lambda world: yes("one")]
    line = frame.progress(SimpleNamespace(web=made, other=other))
    assert repr(line) == "1 of 2 exercises are done\n✓ web\n✗ other"


def test_an_engine_that_is_gone_is_said(made):
    def gone(world):
        raise EngineUnavailable("check", "no Docker Engine answers", "Start it")

    made._conditions = [gone]
    with pytest.raises(EngineUnavailable):
        frame.progress(SimpleNamespace(web=made))


@pytest.mark.parametrize("able", [True, False])
def test_starting_over_is_offered_where_it_helps(made, state, able):
    state["found"] = no("broken", "first", frame.OVER, "last")
    made._prepare, made._again, made._begun = print, able, lambda world: True
    hints = [made.hint() for _ in range(4)][-1].rows
    assert ("begin(again=True)` starts it over" in "".join(hints)) == able


@pytest.mark.parametrize("answer", [(1, 2, 3), ("x",) * 9])
def test_too_many_answers_are_said(answer):
    found = conditions.answered(lambda world, number: yes("right"))(World(answer))
    assert (found.holds, found.text) == (False, "these are too many answers")


def test_what_a_task_starts_from_is_made_once_and_shows_nothing(made, monkeypatch):
    shown, prepared = [], []
    monkeypatch.setattr(command, "display", lambda one, **_: shown.append(one))

    def prepare(me):
        with command.shown("docker run it"):
            prepared.append(me)

    made._prepare, made._begun = prepare, lambda world: bool(prepared)
    assert made.check().title == "A title: not started yet"
    assert "begin()" in repr(made.hint())
    assert made.begin() is made and made.begin() is made
    assert prepared == ["ada"]
    made.begin(again=True)
    assert prepared == ["ada", "ada"] and shown == []
    with command.shown("docker run it"):
        assert len(shown) == 1


def test_what_was_there_before_counts_only_when_it_is_gone():
    assert given(lambda world: yes("runs"))(None) is None
    assert given(lambda world: None)(None) is None
    assert given(lambda world: no("gone"))(None).text == "gone"


def test_a_stranger_s_text_is_text():
    lines = frame.Lines(PAYLOAD, [f"✗ the page says `{PAYLOAD}`", "· \x1b[31m\u202e"])
    page = lines._repr_html_()
    assert "<img" not in page and "&lt;img src=x" in page
    assert "<code>&lt;img" in page
    assert "\x1b" not in repr(lines) + page and "\\x1b" in page and "\\u202e" in page


def test_a_stranger_s_line_break_makes_no_row():
    assert repr(frame.Lines("title", ["✗ its log says `x\n✓ all`"])).count("\n") == 1


def test_the_shown_solution_is_text(made):
    made._python = f"print('{PAYLOAD}')"
    assert "<img" not in made.solution()._repr_html_()


def container(**labels):
    return {"Config": {"Labels": labels}}


def test_a_name_without_the_prefix_is_recognised():
    found = conditions.exists("web")(World(containers={"web": container()}))
    assert not found.holds and found.begun
    assert "write the whole name: `ada-web`" in found.hints[0]


def test_a_name_that_only_begins_so_is_another():
    found = conditions.exists("web")(World(containers={"ada-web-10": container()}))
    assert not found.holds and not found.begun


@pytest.mark.parametrize(
    ("labels", "said"), [({"lesson": "ada"}, False), ({"lesson": "bob"}, True), ({}, True)]
)
def test_a_container_that_reset_will_leave_is_said(labels, said):
    found = conditions.exists("web")(World(containers={"ada-web": container(**labels)}))
    assert found.holds and ("reset()` will leave it" in found.text) == said


def test_a_name_without_the_namespace_is_recognised():
    world = World(images={"toolbox:1": "an image"})
    found = conditions.named("{me}/toolbox:1")(world)
    assert found.text == "there is no image `ada/toolbox:1`, but one named `toolbox:1`"
    assert "namespace" in found.hints[0]


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "was done"), (1, "failed"), (126, "can't be run"), (127, "not found"),
     (137, "SIGKILL ended it"), (143, "SIGTERM ended it"), (130, "SIGINT"), (255, "failed")],
)  # fmt: skip
def test_an_exit_code_tells(code, said):
    assert said in conditions.ended_by(code)


def test_a_new_exercise_takes_ten_lines():
    """The shortest one there is, as it stands in its module."""
    from exercises import registry

    source = inspect.getsource(registry)
    start = source.index('@exercise(\n    conditions=[named("{me}/toolbox:1"')
    end = source.index("\n\n\n", start)
    assert len(source[start:end].splitlines()) <= 11
