"""The commands of `python3 -m classroom`."""

import argparse
import contextlib
import json
import os
import subprocess
import sys

from classroom import course_image, docker_hub, engine, environment, files, room, slides, stand_in
from classroom.errors import ClassroomError
from classroom.paths import ROOT, STATE
from classroom.steps import drop_output, open_closed_streams, say, step

FIRST_LESSON = "/lab/tree/notebooks/01-registry.ipynb"
LOOPBACK = "--ServerApp.ip=127.0.0.1"
LEARNER = {"WORKSPACE": "learner"}


def lab(rest, yes):
    """Open the lessons in JupyterLab; what follows goes to it, as `lab --no-browser`."""
    value = _prepare(docker_hub.choice(), yes)
    # Its settings and open tabs lie with the clone, not in the user's home.
    home = STATE / "jupyter"
    slides.write_user_settings(home / "lab" / "user-settings", slides.NO_NEWS)
    return _open_lab(FIRST_LESSON, rest, {"CLASSROOM": value, "JUPYTER_CONFIG_DIR": str(home)})


def present(rest, yes):
    """Open a lesson for a room, as slides: `present 2`; what follows goes to JupyterLab."""
    word, rest = (rest[0], rest[1:]) if rest and not rest[0].startswith("-") else ("1", rest)
    lesson = slides.find_lesson(word)
    value = _prepare(docker_hub.choice(), yes)
    locks = (environment.LESSONS, environment.SLIDES)
    try:
        _prepare_environment(yes, "Slides for JupyterLab", locks=locks)
    except ClassroomError as error:
        say(f"No slides: {error}")
        say("The lesson opens without them, as a notebook with the same large letters.")
    words = ["--LabApp.custom_css=True", f"--ServerApp.contents_manager_class={slides.CONTENTS}"]
    surroundings = {"CLASSROOM": value, **slides.write_settings()}
    return _open_lab(f"/doc/tree/notebooks/{lesson.name}", [*words, *rest], surroundings)


def _open_lab(page, rest, surroundings):
    """Become a JupyterLab that opens a page, in a room one that JupyterHub guards."""
    in_a_room = "JUPYTERHUB_API_TOKEN" in os.environ
    command = [
        *(environment.program("python"), "-m"),
        "deploy.singleuser" if in_a_room else "jupyterlab",
        *(f"--LabApp.default_url={page}", f"--ServerApp.root_dir={ROOT}"),
        *([] if any(word.startswith(("--ip", "--ServerApp.ip")) for word in rest) else [LOOPBACK]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        # What is installed is locked, and holds no language server to be looked for.
        *("--LabApp.extension_manager=readonly", "--LanguageServerManager.autodetect=False"),
        "--log-level=WARN",  # of which the address is a part, and then the last line
        *rest,
    ]
    return _become(command, surroundings)


def test(rest, yes):
    """Check the code and run all tests; what follows goes to pytest, as `test -k search`."""
    rest = rest or ["--whole", "-n2"]  # see tests/harness.py
    locks = (environment.LESSONS, environment.SLIDES, environment.HUB, environment.TESTS)
    value = _prepare("on", yes, locks=locks)
    with _lock(), step("A browser and curl, for the tests"):
        environment.prepare_curl(yes=yes)
        environment.prepare_browser(yes=yes)
    surroundings = {"CLASSROOM": value, **LEARNER}
    if _reset(surroundings):
        return 1
    checked = _run(["-m", "ruff", "check", "."], surroundings)
    tested = _run(["-m", "pytest", *rest], surroundings)
    cleaned = _reset(surroundings)
    if checked:
        say("The tests are over; `ruff check .` found something to mend, see above.")
    return checked or tested or cleaned


def outputs(rest, yes):
    """Run the notebooks from a clean start and save their outputs in them."""
    surroundings = {"CLASSROOM": _prepare("on", yes), **LEARNER}
    if _reset(surroundings):
        return 1
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        with step(f"Outputs of {notebook.name}"):
            trouble = _execute(notebook, surroundings)
            if trouble:
                say(trouble)
                raise ClassroomError(
                    f"The notebook {notebook.name} was run and a cell failed, see above; the file "
                    "is as it was: mend the cell and run the command again."
                )
    return _reset(surroundings)


def bench(rest, yes):
    """Measure the helpers side by side with docker, or a room: `bench --room 10`."""
    locks = (environment.LESSONS, environment.HUB, environment.TESTS)
    value = _prepare("on", yes, locks=locks)
    # It becomes the bench, which an interrupt then reaches: it removes what it made before it ends.
    return _become(
        [environment.program("python"), "-m", "benchmarks", *rest],
        {"CLASSROOM": value, "WORKSPACE": "bench"},
    )


def image(rest, yes):
    """Build the course as one Docker image; what follows goes to `docker build`."""
    course_image.build(rest)
    say(f"✓ Built. To start the course:\n\n  {course_image.run_line()}")
    return 0


def hub(rest, yes):
    """Open a room of learners on this server; what follows goes to JupyterHub."""
    value = _prepare(docker_hub.choice(), yes, locks=(environment.LESSONS, environment.HUB))
    with _lock():
        opened = room.prepare(value)
    room.tell(opened, rest)
    os.chdir(room.FOLDER)
    return _become(room.command(rest), {})


def reset(rest, yes):
    """Remove what the lessons made in the Engine, and nothing else."""
    if engine.find() is None:
        raise ClassroomError(
            "What the lessons made was to be removed, and no Docker Engine answers; start one, "
            "as with `python3 -m classroom lab`, and run the command again."
        )
    _prepare_environment(yes)
    return _reset({})


def stop(rest, yes):
    """End the Engine, the mirror and the index that were started here; keep all data."""
    with _lock():
        ended = room.close()
        if engine.is_ours(STATE):
            with step("Docker Engine"):
                engine.stop(STATE)
        else:
            say("The Docker Engine was not started here, or is not running: left as it is.")
        ended += docker_hub.close(STATE)
        say(f"✓ Ended: {', '.join(ended)}" if ended else "No mirror or index was running.")
    return 0


def status(rest, yes):
    """Show which Engine, which sources and which environment are in use; change nothing."""
    client = engine.find()
    if client is None:
        say(f"Engine       none answers at {engine.address().host}")
    else:
        whose = "started here" if engine.is_ours(STATE) else "not started here"
        say(f"Engine       {client.version()} at {client.host}, {whose}")
    running, told = stand_in.addresses(STATE), docker_hub.sources(STATE)
    if told and len(running) == len(stand_in.DEFAULTS):
        way = "the Engine asks it" if told["mirrored"] else "its images are in the Engine"
        say(f"Stand-in     on: mirror {told['mirror']} ({way}), index {told['index']}")
    elif running:
        parts = ", ".join(f"{name} {place}" for name, place in running.items())
        say(f"Stand-in     in part: {parts}; `python3 -m classroom lab` starts the rest")
    else:
        say("Stand-in     off")
    say(f"CLASSROOM    {docker_hub.choice()}")
    ready = environment.is_ready()
    say(f"Environment  {environment.VENV} is {'ready' if ready else 'not ready'}")
    return 0


COMMANDS = {
    command.__name__: command
    for command in (lab, present, hub, test, outputs, bench, image, reset, stop, status)
}
WITH_REST = ("lab", "present", "hub", "test", "bench", "image")


def main(arguments=None):
    """Run a command; returns the exit code.

    Args:
        arguments: What follows `python3 -m classroom`; the process's own if left out.
    """
    open_closed_streams()
    parser = argparse.ArgumentParser(
        prog="python3 -m classroom",
        usage="python3 -m classroom [--yes] COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        description="\n".join(
            f"{name:8} {function.__doc__.splitlines()[0]}" for name, function in COMMANDS.items()
        ),
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    parser.add_argument("--yes", action="store_true", help="install what is missing, do not ask")
    parser.add_argument("command", nargs="?", choices=COMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    yes = given.yes or "--yes" in given.rest
    rest = [word for word in given.rest if word != "--yes"]
    if rest and given.command not in WITH_REST and not given.help:
        parser.error(f"{given.command} takes nothing more, and got: {' '.join(rest)}")
    os.chdir(ROOT)
    os.umask(os.umask(0o022) | 0o022)  # what is made here, others may not write
    try:
        if given.help or not given.command:
            say(parser.format_help().rstrip())
            return 0
        return COMMANDS[given.command](rest, yes)
    except ClassroomError as error:
        return _complain(error)
    except OSError as error:
        return _complain(
            f"`{given.command or 'help'}` was tried and the system refused it ({error}); "
            f"see that {STATE} belongs to you and that the disk has room."
        )
    except KeyboardInterrupt:
        return 130


def _complain(text):
    try:
        sys.stdout.flush()
    except OSError:  # the disk is full that it goes to
        drop_output()
    with contextlib.suppress(OSError):
        print(
            f"✗ {text}".encode(sys.stderr.encoding, "replace").decode(sys.stderr.encoding),
            file=sys.stderr,
            flush=True,
        )
    return 1


@contextlib.contextmanager
def _lock():
    waiting = "Another classroom command is at work here; waiting …"
    with files.lock(STATE, lambda: say(waiting)):
        files.close_to_others(STATE)  # it may stem from a time when others could write there
        yield


def _prepare_environment(yes, what="Python packages in .venv", **locks):
    with _lock(), step(what):
        environment.prepare(yes=yes, **locks)


def _prepare(value, yes, **locks):
    _prepare_environment(yes, **locks)
    with _lock():
        return docker_hub.prepare(STATE, value, yes=yes)[1]


def _reset(surroundings):
    command = [environment.program("python"), "-m", "helpers.workspace", "reset"]
    ran = subprocess.run(
        command, env={**os.environ, **surroundings}, stdout=subprocess.PIPE, encoding="utf-8"
    )
    if ran.stdout:
        say(ran.stdout.rstrip())
    return ran.returncode


def _execute(notebook, surroundings):
    """Run a notebook in place; returns what went wrong, or an empty text."""
    result = subprocess.run(
        [
            *(environment.program("python"), "-m", "nbconvert", "--to=notebook"),
            *("--execute", "--inplace", "--ExecutePreprocessor.record_timing=False"),
            *("--ExecutePreprocessor.store_widget_state=False", notebook),
        ],
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        return result.stderr.strip()
    _drop_widgets(notebook)
    return ""


def _drop_widgets(notebook):
    """Leave of each widget what a page without a kernel can show: its HTML and its text."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if output.get("data") != {}]
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    notebook.write_text(text, encoding="utf-8")


def _run(arguments, surroundings):
    """Run the environment's Python; returns the exit code."""
    sys.stdout.flush()
    return subprocess.run(
        [environment.program("python"), *arguments], env={**os.environ, **surroundings}
    ).returncode


def _become(command, surroundings):
    """Go on as another program; Windows cannot do so, and waits for it instead."""
    command = [str(part) for part in command]
    surroundings = {**os.environ, **surroundings}
    sys.stdout.flush()
    if sys.platform == "win32":
        return subprocess.run(command, env=surroundings).returncode
    os.execve(command[0], command, surroundings)
