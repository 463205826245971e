"""What the image of the course does: `build` while it is made, `lab` or `present` when it runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from classroom import environment, mirror  # noqa: E402
from classroom.commands import main  # noqa: E402
from classroom.files import read_json, write_json  # noqa: E402
from classroom.paths import STATE  # noqa: E402

LESSONS = STATE / "lessons"  # as the image brings them; the learner's lie in a volume
NOTEBOOKS = ROOT / "notebooks"


def build():
    """Make all that `lab` would have to make or to fetch."""
    locks = (environment.LESSONS, environment.SLIDES, environment.LEARNER)
    environment.prepare(locks=locks)
    remove = [environment.program("python"), "-m", "pip", "uninstall", "-qy", "uv"]
    subprocess.run(remove, check=True)  # nothing is installed any more
    shutil.rmtree(environment.VENV / "share/jupyterhub/static")  # a hub's pages, not a learner's
    # Else each new container would compile it anew, which takes most of its start.
    compiled = [environment.program("python"), "-m", "compileall", "-q", "-j0", "-x", "/tests/"]
    compiled += [environment.VENV / "lib", ROOT / "classroom", ROOT / "helpers", ROOT / "exercises"]
    subprocess.run(compiled, stdout=subprocess.DEVNULL)  # it fails for what is of later Pythons
    environment.VENV.chmod(0o555)  # no start looks through it
    mirror.fill(STATE)
    shutil.rmtree(STATE / "apt", ignore_errors=True)  # what was only needed to fetch packages
    for archive in (STATE / "packages").glob("*.deb"):
        archive.unlink()
    LESSONS.mkdir()
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy2(notebook, LESSONS)


def deliver(lessons, notebooks):
    """Put lessons among the learner's notebooks, and overwrite none that the learner has changed.

    A new lesson whose old one was changed comes to lie beside it, once.

    Args:
        lessons: The folder of the lessons of this image.
        notebooks: The folder of the learner's.

    Returns:
        The names of the files that now lie beside a changed one.
    """
    kept, beside = notebooks / ".lessons.json", []
    delivered = read_json(kept)
    for lesson in sorted(lessons.glob("*.ipynb")):
        target, new = notebooks / lesson.name, _digest(lesson)
        old, before = _digest(target), delivered.get(lesson.name)
        if old in (None, before):
            shutil.copyfile(lesson, target)
        elif new not in (old, before):
            target = notebooks / f"{lesson.stem}-{new[:6]}.ipynb"
            beside.append(target.name)
            if not target.exists():
                shutil.copyfile(lesson, target)
        delivered[lesson.name] = new
    write_json(kept, delivered)
    return beside


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def run(command, *arguments):
    """Bring the lessons up to date, and become `python3 -m classroom lab`, or `present`."""
    for name in deliver(LESSONS, NOTEBOOKS):
        print(f"A new edition of a lesson that you have changed lies beside it: {name}", flush=True)
    return main([command, *arguments, "--no-browser", "--ip=0.0.0.0"])


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(build() if sys.argv[1] == "build" else run(*sys.argv[1:]))
