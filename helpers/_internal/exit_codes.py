"""What the exit code of a container tells."""

SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV",
           14: "SIGALRM", 15: "SIGTERM"}  # Linux's, as in every container  # fmt: skip
_MEANINGS = {
    0: "its main process was done",
    125: "docker itself failed",
    126: "its command can't be run",
    127: "its command was not found",
}


def ended_by(code):
    """Return what an exit code tells, as a str."""
    if code - 128 in SIGNALS:
        return f"{SIGNALS[code - 128]} ended it"
    return _MEANINGS.get(code, "its command failed")
