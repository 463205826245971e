"""JupyterLab's settings: for a learner, and for a room, in a folder of their own."""

from classroom import files
from classroom.errors import ClassroomError
from classroom.paths import ROOT, STATE

HOME = STATE / "present"  # JupyterLab's configuration while it presents; a learner's own stays
NO_NEWS = {  # no news, no look for a newer version, and no question about either
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}
}
SETTINGS = NO_NEWS | {
    "@jupyterlab/apputils-extension/themes": {
        "overrides": {"code-font-size": "20px", "content-font-size1": "22px"}
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {
        "codeCellConfig": {"lineWrap": True},
        "windowingMode": "none",  # the slides need every cell on the page
    },
    # The page opens with nothing in focus, where the slides hear no key.
    "@jupyterlab/shortcuts-extension/shortcuts": {
        "shortcuts": [
            {
                "command": "deck:go",
                "args": {"direction": "down", "alternate": "forward"},
                "keys": [key],
                "selector": "body:not(:focus-within)",
            }
            for key in ("Space", "ArrowDown", "ArrowRight")
        ]
    },
}
ACTIVE = {"jupyterlab-slideshow/plugin": {"active": True}}  # it notes here when slides are left
CONTENTS = "classroom.presented.PresentedLessons"
STYLE = """\
.jp-Deck .jp-RenderedMarkdown img { max-height: 62vh; }
.jp-Deck .itables_anywidget :is(td, th) { padding-block: 3px !important; }
.jp-Deck .lesson-exercise { max-width: none; }
.jp-Deck .marks { columns: 2; column-gap: 2em; }
.jp-Deck .marks li { break-inside: avoid; }
body .jp-Deck-DesignTools { display: none; }
"""


def find_lesson(word):
    """Return a lesson's file.

    Args:
        word: Its number, name or file, as in `2`, `images` or `02-images.ipynb`.

    Raises:
        ClassroomError: There is no such lesson.
    """
    lessons = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
    wanted = word.replace("\\", "/").rpartition("/")[2].removesuffix(".ipynb")
    for lesson in lessons:
        number, _, name = lesson.stem.partition("-")
        if wanted in (number, number.lstrip("0"), name, lesson.stem):
            return lesson
    known = ", ".join(lesson.stem for lesson in lessons)
    raise ClassroomError(
        f"The lesson `{word}` was to be presented, and there is none of that name; choose one of "
        f"{known}, or its number."
    )


def write_user_settings(folder, settings, *, again=False):
    """Write JupyterLab's settings, a dict by plugin, to the folder of a user's.

    Args:
        folder: The folder's `Path`.
        settings: The settings, a dict by plugin.
        again: Write also those that are there; they stay otherwise, as the user has changed them.
    """
    for name, value in settings.items():
        file = folder / f"{name}.jupyterlab-settings"
        if again or not file.exists():
            files.write_json(file, value)


def write_settings():
    """Write JupyterLab's settings for a room; what the presenter changed in them stays.

    Returns:
        What the environment of JupyterLab needs, a dict.
    """
    folder = HOME / "lab" / "user-settings"
    write_user_settings(folder, SETTINGS)
    write_user_settings(folder, ACTIVE, again=True)
    files.write_text(HOME / "custom" / "custom.css", STYLE)
    return {
        "JUPYTER_CONFIG_DIR": str(HOME),
        "JUPYTERLAB_SETTINGS_DIR": str(folder),
        "JUPYTERLAB_WORKSPACES_DIR": str(HOME / "lab" / "workspaces"),
    }
