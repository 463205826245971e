"""Each exercise on the real Engine: untouched, in wrong states, solved in several ways, twice."""

import ast
import getpass
import re
import shlex

import docker
import nbformat
import pytest

from exercises import containers as lesson_3, images as lesson_2, progress, registry as lesson_1
from exercises.exercise import exercises
from helpers import images, registry, workspace
from helpers._internal import connection, identity, ports
from tests.exercises.wrong_states import RIGHT, WRONG
from tests.notebooks import NOTEBOOKS

LESSONS = dict(zip(NOTEBOOKS, (lesson_1, lesson_2, lesson_3), strict=True))
EVERY = {name: (path, one) for path in LESSONS for name, one in exercises(LESSONS[path]).items()}
READ = {  # what a learner reads in the output of the shown docker commands, and answers
    "crowd": lambda said: [len(said.splitlines()) - 1],
    "secret": lambda said: [int(re.search(r"^HTTP\S+ (\d+)", said, re.MULTILINE)[1])],
    "stubborn": lambda said: [int(re.search(r"Exited \((\d+)\)", said)[1]), "SIGKILL"],
}  # fmt: skip


class Learner:
    """Somebody with a notebook and a terminal."""

    def __init__(self, world, name):
        path, self.exercise = EVERY[name]
        self.world, self.name, self.lesson = world, name, LESSONS[path]
        self.cells = nbformat.read(path, as_version=4).cells
        self.names = {"exercises": self.lesson}

    def opens_the_notebook(self):
        [setup] = [one for one in self.cells if "setup" in one.metadata.get("tags", [])]
        self.runs(setup.source)
        images.pull("busybox:glibc")
        images.pull("registry:2")

    def runs(self, source):
        exec(source, self.names)

    def does(self, act):
        """Do what a table says: type lines, or call a function of the exercise."""
        return self.types(act) if isinstance(act, str) else act(self.exercise)

    def types(self, text):
        """Type lines in a terminal; gives what they print."""
        store = registry.start() if "{store}" in text or "LOGIN" in text else None
        known = {"me": self.world.me, "label": f"--label {workspace.label()}", "store": store,
                 "files": f"files/{self.world.me}"}  # fmt: skip
        text = text.format(**known, port=ports.free_port(8100))
        done = []
        for line in re.split(r"(?<!\\)\n", text):
            word, *answer = shlex.split(line) if line.startswith(("ANSWER", "LOGIN")) else [line]
            if word == "ANSWER":
                self._run(done)
                done.clear()
                self.exercise.check(int(answer[0]), *answer[1:])
            elif word == "PASSWORD":
                registry.private(password="chosen")
            elif word == "LOGIN":
                address = str(registry.start()).replace("127.0.0.1", *answer or ["127.0.0.1"])
                file = f"{known['files']}/registry-password"
                login = f"docker login -u {self.world.me} --password-stdin {address} < {file}"
                done.append(login)
            else:
                done.append(line)
        return self._run(done)

    def _run(self, lines):
        """Run lines in one shell, where `docker login` does not ask for the chosen password."""
        asks = r"docker login (?!.*--password-stdin)(.+)"
        script = "\n".join(re.sub(asks, r"docker login --password-stdin \1 <<< chosen", line)
                           for line in lines)  # fmt: skip
        return self.world.sh(f"set -e\n{script}").stdout

    def types_what_is_shown(self):
        if self.name == "password":  # as the solution's note says
            registry.private(password="chosen")
        said = self._run(self.exercise.solution().lines)
        return self.exercise.check(*READ[self.name](said)) if self.name in READ else None

    def runs_what_is_shown(self):
        self.runs(self.exercise.solution().python)


@pytest.fixture
def learner(world, monkeypatch):
    """Return a maker of learners in a clean world, with no registry yet."""
    monkeypatch.setenv("DOCKER_CONFIG", world.environment["DOCKER_CONFIG"])
    monkeypatch.setattr(getpass, "getpass", lambda *prompt: "a word of mine")

    def forget():
        for name in EVERY:
            one = EVERY[name][1]
            one.answer, one.was_done, one._hinted = (), False, (None, 0)
        for one in world.api.containers(all=True):  # also what has no label
            if one["Names"][0].startswith(f"/{world.me}-"):
                world.api.remove_container(one["Id"], force=True, v=True)

    def make(name, begin=True):
        one = Learner(world, name)
        one.opens_the_notebook()
        if begin:
            one.exercise.prepare()
        connection.logins.clear()
        return one

    forget()
    yield make
    forget()


@pytest.fixture
def looking(monkeypatch, world):
    """Return a function that calls another, and fails if that changes the Engine or a file."""

    def files():
        return {one: one.stat().st_mtime_ns for one in identity.NOTEBOOK_DIR.rglob("*")}

    def refuse(*words, **options):
        raise AssertionError(f"it changes something: {words[1:]}")

    def look(what, *words):
        before = files()
        with monkeypatch.context() as patch:
            for way in ("_post", "_post_json", "_put", "_delete"):
                patch.setattr(docker.APIClient, way, refuse)
            found = what(*words)
        assert files() == before
        return found

    return look


def used_in(path):
    """The exercises that a notebook shows, in their order, and what else it does with them."""
    cells = nbformat.read(path, as_version=4).cells
    return re.findall(r"^exercises\.(.+)$", "\n".join(
        cell.source for cell in cells if cell.cell_type == "code"), re.MULTILINE)  # fmt: skip


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_notebook_has_its_exercises_in_their_order_and_no_solution(path):
    assert used_in(path) == list(exercises(LESSONS[path]))


def test_every_exercise_is_proved():
    assert len(EVERY) >= 20
    assert set(WRONG) == set(EVERY)
    assert all(len(states) >= 3 for states in WRONG.values())
    assert set(RIGHT) <= set(EVERY) and len(RIGHT) >= 10


def test_every_heading_of_the_document_has_some():
    headings = {}
    for path in LESSONS:
        heading = None
        for cell in nbformat.read(path, as_version=4).cells:
            if found := re.match("## (.+)", cell.source):
                heading = found[1]
            if re.fullmatch(r"exercises\.\w+", cell.source):
                headings[path.stem, heading] = headings.get((path.stem, heading), 0) + 1
    together = [key for key in headings if key[1] == "All together"]
    assert len(together) == len(LESSONS)
    assert len(headings) - len(together) == 9


@pytest.mark.parametrize("name", EVERY)
def test_the_notebook_and_the_exercise_have_the_same_title(name):
    path, exercise = EVERY[name]
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert f"### Exercise: {exercise.title}\n" in text


@pytest.mark.parametrize("name", EVERY)
def test_a_shown_solution_is_python_that_a_cell_can_run(name):
    source = EVERY[name][1]._python
    assert ast.parse(source).body and "fmt:" not in source


@pytest.mark.parametrize("name", EVERY)
def test_untouched(learner, looking, name):
    somebody = learner(name, begin=False)
    exercise = somebody.exercise
    report = looking(exercise.check)
    assert not report and report.title.endswith(": not started yet")
    exercise.prepare()
    connection.logins.clear()
    report = looking(exercise.check)
    assert not report and report.title.endswith(": not started yet")
    assert looking(exercise.hint).rows
    looking(exercise.solution)
    looking(repr, exercise)


@pytest.mark.parametrize(
    ("name", "state"), [(name, place) for name in WRONG for place in range(len(WRONG[name]))]
)
def test_a_wrong_state(learner, looking, name, state):
    act, finds, hint = WRONG[name][state]
    somebody = learner(name)
    somebody.does(act)
    report = looking(somebody.exercise.check)
    assert not report
    wrong = [f"{one.goal}: {one.found}" for one in report.results if not one.holds]
    assert any(words in text for text in wrong for words in finds.split("|")), wrong
    assert not report.title.endswith("done")
    first, more = looking(somebody.exercise.hint), looking(somebody.exercise.hint)
    assert any(words in repr(first) for words in hint.split("|")), first
    assert len(more.rows) == len(first.rows) + 1


def test_what_ended_it_is_not_said_before_it_is_answered(learner):
    somebody = learner("stubborn")
    somebody.types("docker stop -t 0 {me}-stubborn")
    said = repr(somebody.exercise.check()) + "".join(map(repr, (
        somebody.exercise.hint() for _ in range(4))))  # fmt: skip
    assert "has ended" in said and "137" not in said and "SIGKILL" not in said


@pytest.mark.parametrize("name", EVERY)
def test_the_shown_cell_solves_it_twice(learner, looking, name):
    somebody = learner(name)
    for _ in range(2):
        somebody.runs_what_is_shown()
        report = looking(somebody.exercise.check)
        assert report, report
        assert report.title.endswith(": done")
    assert "Nothing is left" in repr(looking(somebody.exercise.hint))
    somebody.exercise.prepare()
    assert somebody.exercise.check()
    somebody.exercise.start_over()
    over = name in READ or somebody.exercise.can_restart
    assert bool(somebody.exercise.check()) != bool(over)


@pytest.mark.parametrize("name", EVERY)
def test_the_shown_commands_solve_it_twice(learner, looking, name):
    somebody = learner(name)
    for _ in range(2):
        somebody.types_what_is_shown()
        report = looking(somebody.exercise.check)
        assert report, report


@pytest.mark.parametrize(
    ("name", "way"), [(name, place) for name in RIGHT for place in range(len(RIGHT[name]))]
)
def test_another_way(learner, looking, name, way):
    somebody = learner(name)
    somebody.does(RIGHT[name][way])
    report = looking(somebody.exercise.check)
    assert report, report


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_one_after_another_in_reverse(learner, looking, path):
    """In their order they are solved beside a neighbour, in `tests/notebooks`."""
    names = list(exercises(LESSONS[path]))[::-1]
    somebody = learner(names[0])
    for name in names:
        somebody.name, somebody.exercise = name, EVERY[name][1]
        somebody.exercise.prepare()
        somebody.runs_what_is_shown()
    line = looking(repr, progress(LESSONS[path]))
    assert line.startswith(f"{len(names)} of {len(names)} exercises are done\n✓ ")
