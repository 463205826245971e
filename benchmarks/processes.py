"""Programs that the bench runs and times; each ends in time, and with the bench."""

import subprocess
import time

_LONGEST = 180  # seconds


def seconds(*words):
    """Run a program as a person types it, and time it.

    Args:
        words: The program and its arguments.

    Returns:
        The seconds from its start to its end.

    Raises:
        RuntimeError: It failed.
        subprocess.TimeoutExpired: It ran for more than three minutes.
    """
    begun = time.perf_counter()
    _run(words, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def output(*words, folder=None, said=""):
    """Run a program.

    Args:
        words: The program and its arguments.
        folder: The folder that it runs in.
        said: What it reads.

    Returns:
        What it printed, a str.

    Raises:
        RuntimeError: It failed.
        subprocess.TimeoutExpired: It ran for more than three minutes.
    """
    return _run(words, folder, said)


def _run(words, folder=None, said="", stdout=subprocess.PIPE):
    """Run a program in a session of its own, so that we, not the terminal, tell it to end."""
    words = [str(word) for word in words]
    with subprocess.Popen(
        words, cwd=folder, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            printed, complaint = process.communicate(said, timeout=_LONGEST)
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise RuntimeError(f"`{' '.join(words)}` failed: {complaint.strip()[-2000:]}")
    return printed


def _end(process):
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
