"""An exercise's parts, and conditions in states that are awkward to bring about."""

import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from exercises import conditions, exercise, panel, text
from exercises.exercise import Progress, Start, condition, met, not_yet, question
from exercises.snapshot import Snapshot
from helpers import workspace
from helpers._internal import command
from helpers._internal.errors import EngineUnavailable, InvalidArchive, InvalidInput

PAYLOAD = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def ada(monkeypatch):
    monkeypatch.setenv("WORKSPACE", "ada")
    workspace.name.cache_clear()
    yield
    workspace.name.cache_clear()


def world(*, containers=(), images=()):
    """A snapshot of an Engine that a test makes up: names with labels, and names of images."""
    details = {name: {"Config": {"Labels": labels}} for name, labels in dict(containers).items()}
    listed = [{"Id": name, "RepoTags": [name], "RepoDigests": []} for name in images]
    return Snapshot(SimpleNamespace(inspect=details.get, images=listed))


@pytest.fixture
def state():
    """What the second condition of `made` finds; a test changes it."""
    return {"result": not_yet("", "first", "second", "third", started=False)}


@pytest.fixture
def made(state, monkeypatch):
    monkeypatch.setattr(exercise, "Snapshot", lambda: world(containers={"ada-web": {}}))

    @exercise.exercise(
        condition("one")(lambda snapshot: met()),
        condition("two of {me}")(lambda snapshot: state["result"]),
    )
    def web(me):
        """A title

        A task for {me}
        that goes on.

        - a point
          of two lines

        $ docker run --name {me}-web
            busybox
        $ docker run --name {me}-new busybox
        """
        x = 1  # fmt: skip
        print(me, x)

    return web


def ask(made, judge):
    """Make the exercise one that asks a question."""
    asked = question("the answer", "look for it")(judge)
    made._conditions, made.questions = [asked], asked.questions


def test_an_exercise_is_its_function(made):
    assert (made.name, made.title) == ("web", "A title")
    assert repr(made) == "A title\n\nA task for ada that goes on.\n\n- a point of two lines"


def test_the_solution_is_the_function_s_body_and_the_lines(made):
    found = made.solution()
    assert found.python == "x = 1\nprint(me, x)"
    assert found.lines == (
        "docker rm -f ada-web",
        "docker run --name ada-web busybox",
        "docker run --name ada-new busybox",
    )


@pytest.mark.parametrize(
    ("result", "said", "passed"),
    [
        (met(), "done", True),
        (not_yet("x"), "1 of 2 hold", False),
        (not_yet("x", started=False), "1 of 2 hold", False),
        (None, "1 of 2 hold", False),
    ],
)
def test_a_report_says_where_one_stands(made, state, result, said, passed):
    state["result"] = result
    report = made.check()
    assert (report.title, bool(report)) == (f"A title: {said}", passed)
    assert [one.goal for one in report.results] == ["one", "two of ada"]
    assert ("hint()" in repr(report)) != passed
    assert ("○ not yet: two of ada" in repr(report)) != passed


def test_nothing_done_is_not_started(made):
    made._conditions = made._conditions[1:]
    assert made.check().title == "A title: not started yet"


def test_what_was_done_and_is_undone_is_said_so_until_it_starts_over(made, state):
    state["result"] = met()
    assert made.check()
    state["result"] = not_yet("gone")
    assert made.check().title == "A title: done before; now 1 of 2 hold"
    made.start_over()
    assert made.check().title == "A title: 1 of 2 hold"


def test_hints_say_more_each_time_until_the_state_changes(made, state):
    asked = [len(made.hint().rows) for _ in range(6)]
    assert asked == [1, 2, 3, 4, 4, 4]
    assert "solution()" in made.hint().rows[-1]
    state["result"] = not_yet("another state", "other")
    assert made.hint().rows == ["· other"]
    state["result"] = met()
    assert made.hint().title == "Nothing is left to do here."


def test_an_answer_is_remembered(made):
    given = []
    ask(made, lambda snapshot, exit_code, signal="": given.append((exit_code, signal)))
    assert made.questions == ("Exit code", "Signal")
    assert made.check().title == "A title: not started yet"
    made.check(3, "KILL")
    made.check()
    made.check([3])
    assert given == [("3", "KILL"), ("3", "KILL"), ("3", "")]


@pytest.mark.parametrize(
    "answer", [[1, 2], [], pd.DataFrame({"a": [1, 2]}), pd.Series([1, 2]), {"a": 1, "b": 2}]
)
def test_a_table_is_no_answer_and_is_not_remembered(made, answer):
    ask(made, lambda snapshot, number: met())
    with pytest.raises(InvalidInput, match="one word or number is wanted"):
        made.check(answer)
    assert made.check().title == "A title: not started yet"


@pytest.mark.parametrize(
    "answer", [3, "3", " 3 ", [3], ("3",), pd.Series([3]), pd.DataFrame({"a": [3]}), np.int64(3)]
)
def test_one_value_is_an_answer(made, answer):
    ask(made, lambda snapshot, number: met() if number == "3" else not_yet(number))
    assert made.check(answer)


def test_too_many_answers_are_said(made):
    with pytest.raises(InvalidInput, match="too many answers"):
        made.check(1)
    ask(made, lambda snapshot, number: met())
    with pytest.raises(InvalidInput, match="Give Number"):
        made.check(1, 2)


def test_one_broken_exercise_does_not_hide_the_others(made, state):
    def broken(snapshot):
        raise InvalidArchive("read it", "it is garbage", "Make it anew")

    state["result"] = met()
    other = exercise.Exercise(type(made).check, [condition("it")(broken)], None)
    other.title = "Other"
    lines = Progress([other, made])
    assert repr(lines) == "1 of 2 exercises are done\n○ Other\n✓ A title"


def test_an_engine_that_is_gone_is_said(made):
    def gone(snapshot):
        raise EngineUnavailable("check", "no Docker Engine answers", "Start it")

    made._conditions = [condition("it")(gone)]
    with pytest.raises(EngineUnavailable):
        repr(Progress([made]))


@pytest.mark.parametrize("able", [True, False])
def test_starting_over_is_offered_where_it_helps(made, state, able):
    state["result"] = not_yet("broken", "first", exercise.RESTART_HINT, "last")
    made.can_restart = able
    hints = [made.hint() for _ in range(4)][-1].rows
    assert ("start_over()`, makes it anew" in "".join(hints)) == able


def test_what_a_task_starts_from_is_made_once_and_shows_nothing(made, monkeypatch):
    shown, prepared = [], []
    monkeypatch.setattr(command, "display", lambda one, **_: shown.append(one))

    def prepare(me):
        with command.shown("docker run it"):
            prepared.append(me)

    made._start, made.can_restart = Start(prepare, lambda snapshot: bool(prepared)), True
    assert made.check().title == "A title: not started yet"
    assert "Run the cell with `exercises.web`" in repr(made.hint())
    assert made.prepare() is made and made.prepare() is made
    assert prepared == ["ada"]
    made.start_over()
    assert prepared == ["ada", "ada"] and shown == []


def test_nobody_judges_while_it_is_prepared(made, state):
    state["result"], seen = met(), []
    snapshot = world()

    def prepare(me):
        seen.extend(panel.reports([made], world()))

    made._start = Start(prepare, lambda snapshot: False)
    made.prepare()
    assert seen == [] and list(panel.reports([made], snapshot)) == []
    made._start = None
    assert [bool(report) for _, report in panel.reports([made], world())] == [True]


def test_a_precondition_counts_only_when_it_is_gone():
    for result in (met(), None):
        first = condition("it runs", precondition=True)(lambda snapshot, result=result: result)
        assert first.check(world()) is None
    gone = condition("it runs")(lambda snapshot: not_yet("gone")).as_precondition()
    assert gone.check(world()).found == "gone"


def test_a_stranger_s_text_is_text():
    lines = text.Lines(PAYLOAD, [f"✓ the page says `{PAYLOAD}`", "· \x1b[31m\u202e"])
    page = lines._repr_html_() + text.task_to_html(PAYLOAD)
    assert "<img" not in page and "&lt;img src=x" in page
    assert "<code>&lt;img" in page
    assert "\x1b" not in repr(lines) + page and "\\x1b" in page and "\\u202e" in page


def test_a_stranger_s_text_in_a_panel_is_text(made, state):
    state["result"] = not_yet(PAYLOAD, PAYLOAD)
    one = panel.Panel(made)
    one.follow(made.report(world()))
    one._hint(None)
    assert "<img" not in one._marks.value + one._help.value
    assert "&lt;img" in one._marks.value and "&lt;img" in one._help.value
    one.follow(PAYLOAD)
    assert "<img" not in one._marks.value


def test_a_stranger_s_line_break_makes_no_row():
    assert repr(text.Lines("title", ["○ its log says `x\n✓ all`"])).count("\n") == 1


def test_the_shown_solution_is_text(made):
    made._python = f"print('{PAYLOAD}')"
    assert "<img" not in made.solution()._repr_html_()


def test_a_task_is_paragraphs_points_and_code():
    page = text.task_to_html("Run `it` **twice**.\n\n- one\n- two")
    assert page == (
        "<p>Run <code>it</code> <strong>twice</strong>.</p><ul><li>one</li><li>two</li></ul>"
    )


def test_a_panel_says_not_yet_and_done_once(made, state):
    one = panel.Panel(made)
    one.follow(made.report(world()))
    assert "1 of 2 hold." in one._marks.value and "<i>not yet</i>" in one._marks.value
    state["result"] = met()
    one.follow(made.report(world()))
    assert one._marks.value.count("Done.") == 1 and "not yet" not in one._marks.value
    state["result"] = not_yet("gone")
    one.follow(made.report(world()))
    assert "Done before; now 1 of 2 hold." in one._marks.value
    assert "wrong" not in one._marks.value.lower()


def test_a_panel_takes_over_an_answer_that_was_typed(made):
    ask(made, lambda snapshot, number: met())
    one = panel.Panel(made)
    made.check(3)
    one.follow(made.report(world()))
    assert [box.value for box in one._boxes] == ["3"]
    one._boxes[0].value = " 4 "
    assert made.answer == ("4",)
    made.start_over()
    one.follow(made.report(world()))
    assert one._boxes[0].value == ""


def test_a_name_without_the_prefix_is_recognised():
    found = conditions.exists("web").check(world(containers={"web": {}}))
    assert not found.holds and found.started
    assert "Write the whole name; `docker rename web ada-web`" in found.hints[0]


def test_a_name_that_only_begins_so_is_another():
    found = conditions.exists("web").check(world(containers={"ada-web-10": {}}))
    assert not found.holds and not found.started


@pytest.mark.parametrize(
    ("labels", "said"), [({"lesson": "ada"}, False), ({"lesson": "bob"}, True), ({}, True)]
)
def test_a_container_that_reset_will_leave_is_said(labels, said):
    found = conditions.exists("web").check(world(containers={"ada-web": labels}))
    assert found.holds and ("reset()` will leave it" in found.found) == said


def test_a_name_without_the_namespace_is_recognised():
    found = conditions.named("{me}/toolbox:1").check(world(images=["toolbox:1"]))
    assert (found.goal, found.found) == ("an image `ada/toolbox:1` is there",
                                         "there is `toolbox:1`")  # fmt: skip
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
    start = source.index('@exercise(its.named("{me}/toolbox:1"')
    end = source.index("\n\n\n", start)
    assert len(source[start:end].splitlines()) <= 10
