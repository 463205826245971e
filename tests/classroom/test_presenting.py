"""`present`: which lesson, with which settings, and what happens where slides can't be had."""

import json

import nbformat
import pytest
from tornado.web import HTTPError

from classroom import commands, environment, slides
from classroom.errors import ClassroomError
from classroom.paths import ROOT
from classroom.presented import PresentedLessons
from tests.asynchronous import run_apart


@pytest.mark.parametrize(
    "word", ["2", "02", "images", "02-images", "02-images.ipynb", "notebooks/02-images.ipynb"]
)
def test_a_lesson_is_found_by_its_number_name_or_file(word):
    assert slides.find_lesson(word) == ROOT / "notebooks" / "02-images.ipynb"


@pytest.mark.parametrize("word", ["4", "", "02-image", "*", "../README.md"])
def test_a_lesson_that_is_none_is_one_sentence_with_those_that_are(word):
    with pytest.raises(ClassroomError, match="`.*` was to be presented.*01-registry, 02-images"):
        slides.find_lesson(word)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """The settings' folder, and a function that reads one of them."""
    monkeypatch.setattr(slides, "HOME", tmp_path)
    folder = tmp_path / "lab" / "user-settings"
    return folder, lambda name: json.loads((folder / f"{name}.jupyterlab-settings").read_text())


def test_what_the_presenter_chose_stays_and_the_slides_begin_anew(settings):
    folder, read = settings
    assert slides.write_settings()["JUPYTERLAB_SETTINGS_DIR"] == str(folder)
    for name in ("@jupyterlab/apputils-extension/themes", "jupyterlab-slideshow/plugin"):
        (folder / f"{name}.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')
    slides.write_settings()
    assert read("@jupyterlab/apputils-extension/themes") == {"theme": "JupyterLab Dark"}
    assert read("jupyterlab-slideshow/plugin") == {"active": True}


@pytest.fixture
def become(monkeypatch, settings):
    """What `present` would become: the words, and what it adds to the environment."""
    seen = []
    monkeypatch.setattr(commands, "_prepare", lambda value, yes: "on")
    monkeypatch.setattr(commands, "_become", lambda *what: seen.append(what))
    monkeypatch.chdir(ROOT)
    return seen


def test_without_slides_the_lesson_opens_all_the_same(become, monkeypatch, capsys):
    def fail(*_, **__):
        raise ClassroomError("The packages of present.txt could not be installed; see the network.")

    monkeypatch.setattr(environment, "prepare", fail)
    commands.main(["present", "3", "--no-browser"])
    [(words, more)] = become
    assert "--LabApp.default_url=/doc/tree/notebooks/03-containers.ipynb" in words
    assert words[-1] == "--no-browser" and more["CLASSROOM"] == "on"
    said = capsys.readouterr().out
    assert "No slides: The packages of present.txt" in said and "large letters" in said


def test_the_first_lesson_is_presented_where_none_is_named(become):
    commands.main(["present", "--port", "8899"])
    assert "--LabApp.default_url=/doc/tree/notebooks/01-registry.ipynb" in become[0][0]
    assert become[0][0][-2:] == ["--port", "8899"]


def test_a_lesson_that_is_none_prepares_nothing(become, capsys):
    assert commands.main(["present", "nine"]) == 1
    assert not become and capsys.readouterr().err.startswith("✗ The lesson `nine`")


def test_a_presented_lesson_has_no_outputs_and_its_file_stays(tmp_path):
    file = tmp_path / "lesson.ipynb"
    output = nbformat.v4.new_output("stream", text="gone")
    cell = nbformat.v4.new_code_cell("1", execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell()]), file)
    before = file.read_bytes()
    lessons = PresentedLessons(root_dir=str(tmp_path))
    model = run_apart(lessons.get("lesson.ipynb"))
    [code, prose] = model["content"]["cells"]
    assert (code["outputs"], code["execution_count"]) == ([], None) and "outputs" not in prose
    with pytest.raises(HTTPError, match="stays as it is"):
        run_apart(lessons.save(model, "lesson.ipynb"))
    assert file.read_bytes() == before
    run_apart(lessons.get("lesson.ipynb", content=False))
    text = {"type": "file", "format": "text", "content": "a note"}
    run_apart(lessons.save(text, "note.txt"))
    assert (tmp_path / "note.txt").read_text() == "a note"
