"""The one error of this package."""


class ClassroomError(Exception):
    """One sentence for the user: what was tried, what is wrong, what to do next."""
