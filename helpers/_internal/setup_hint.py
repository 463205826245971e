"""What a cell says that is run before the notebook's first one: an extension of the kernel."""

from helpers._internal import errors

_MADE = {  # the names that the first cells define
    "containers", "engine", "exercises", "explore", "images", "live", "me", "plots", "progress",
    "registry", "samples", "store", "workspace",
}  # fmt: skip


def load_ipython_extension(shell):
    """Say in a few words which cell to run where one of the lessons' names is not there yet.

    Args:
        shell: The kernel's `InteractiveShell`.
    """
    shell.set_custom_exc((NameError,), _say)


def _say(shell, kind, error, trace, tb_offset=None):
    missing = getattr(error, "name", None)
    if missing not in _MADE:
        return shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    said = errors.LessonError(
        f"use {missing}", "it is not there yet", "Run the notebook's first code cell, then this one"
    )
    lines = said._render_traceback_()
    shell._showtraceback(type(said), said, lines)
    return lines
