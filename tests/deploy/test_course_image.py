"""The course as one image: built, saved, loaded, and taken as a learner takes it."""

import importlib.metadata
import json
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from classroom import course_image
from classroom.paths import ROOT
from deploy.course import deliver
from tests.deploy.conftest import NARROW, Course, docker

# What runs notebooks, brought along: the image holds no tests.
TOOLS = ("nbval", "pytest", "pluggy", "iniconfig", "packaging", "coverage")


@pytest.fixture(scope="module")
def tools(running):
    """What runs notebooks, in the container."""
    files = [file for tool in TOOLS for file in importlib.metadata.files(tool)]
    for name in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        docker("cp", str(Path(pytest.__file__).parents[1] / name), f"{running.name}:/opt")
    docker("cp", str(ROOT / "tests" / "notebooks" / "sanitize.cfg"), f"{running.name}:/opt")


@pytest.mark.parametrize("notebook", ["01-registry", "02-images", "03-containers"])
def test_saved_outputs_hold_in_the_image(running, tools, notebook):
    said = running.sh(
        "PYTHONPATH=/opt .venv/bin/python -m pytest -p no:cacheprovider -c /dev/null "
        f"--nbval --nbval-sanitize-with=/opt/sanitize.cfg notebooks/{notebook}.ipynb",
        check=False,
    )
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())["cells"]
    codes = sum(cell["cell_type"] == "code" for cell in cells)
    assert re.search(rf"= {codes} passed in", said), said


def test_its_engine_is_its_own(running):
    docker("run", "--name", f"{running.name}-beside", "--network=none", running.image, "true",
           check=False)  # fmt: skip
    try:
        inside = running.sh("docker ps --all --format '{{.Names}}'")
        assert running.name not in inside and "beside" not in inside
        assert running.sh("id --user") != "0"
        assert "docker" in running.sh("id --groups --name").split()
    finally:
        docker("rm", "--force", "--volumes", f"{running.name}-beside", check=False)


def test_docker_knows_that_it_is_well(running):
    check = docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", running.image)
    assert running.sh(json.loads(check)[1]) is not None
    running.sh("docker pull busybox")  # in any terminal, and Docker Hub is out of reach


def test_the_work_survives_a_stop_and_a_new_container(running):
    running.sh("docker pull busybox && docker tag busybox learner/mine:1")
    running.sh("mkdir -p notebooks/files && echo mine > notebooks/files/note")
    running.sh("echo changed >> notebooks/03-containers.ipynb")
    docker("stop", running.name)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", running.name) in ("0", "143")
    docker("start", running.name)  # the same container again
    running.wait()
    running.remove()
    running.run()
    assert "learner/mine:1" in running.sh("docker images --format '{{.Repository}}:{{.Tag}}'")
    assert running.sh("cat notebooks/files/note") == "mine"
    assert running.sh("tail -n 1 notebooks/03-containers.ipynb") == "changed"


def test_the_readme_names_what_is_enough():
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.sub("(--cap-add|--security-opt) ", r"\1=", told)
    assert " ".join(NARROW) in told
    assert course_image.run_line() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_where_no_engine_can_run_it_says_so_in_a_sentence(course):
    plain = subprocess.run(
        ["docker", "run", "--rm", "--network=none", course], capture_output=True, text=True
    )
    assert plain.returncode == 1
    assert "✗ The Engine in this container was started and has ended: " in plain.stderr
    assert "--privileged" in plain.stderr and "Traceback" not in plain.stderr


def test_it_listens_where_it_is_told(course):
    one = Course(f"course-test-{uuid.uuid4().hex[:6]}", course)
    options = ("--env=CLASSROOM=on",)
    words = ("python3", "deploy/course.py", "lab", "--ServerApp.base_url=/ada/")
    try:
        docker("run", "--detach", "--name", one.name, *NARROW, *options, course, *words)
        until = "until curl -s http://127.0.0.1:8888/ada/api; do sleep .2; done"
        assert "version" in docker("exec", one.name, "timeout", "60", "sh", "-c", until)
    finally:
        one.close()


@pytest.fixture
def folders(tmp_path):
    """The folders of an image's lessons and of a learner's notebooks."""
    lessons, notebooks = tmp_path / "lessons", tmp_path / "notebooks"
    lessons.mkdir()
    notebooks.mkdir()
    (lessons / "01.ipynb").write_text("first edition")
    assert deliver(lessons, notebooks) == []
    return lessons, notebooks


def _texts(notebooks):
    return sorted(path.read_text() for path in notebooks.glob("*.ipynb"))


def test_a_lesson_that_was_not_touched_is_brought_up_to_date(folders):
    lessons, notebooks = folders
    (lessons / "01.ipynb").write_text("second edition")
    assert deliver(lessons, notebooks) == []
    assert _texts(notebooks) == ["second edition"]


def test_a_lesson_that_was_changed_stays_and_the_new_one_lies_beside_it_once(folders):
    lessons, notebooks = folders
    (notebooks / "01.ipynb").write_text("the learner's")
    assert deliver(lessons, notebooks) == []
    assert _texts(notebooks) == ["the learner's"]
    (lessons / "01.ipynb").write_text("second edition")
    (beside,) = deliver(lessons, notebooks)
    assert (notebooks / beside).read_text() == "second edition"
    (notebooks / beside).write_text("changed, too")
    assert deliver(lessons, notebooks) == []
    assert _texts(notebooks) == ["changed, too", "the learner's"]


def test_a_lesson_that_was_deleted_comes_back(folders):
    lessons, notebooks = folders
    (notebooks / "01.ipynb").unlink()
    assert deliver(lessons, notebooks) == []
    assert _texts(notebooks) == ["first edition"]
