"""Exercises on the real Engine: a check looks at what is there, and so does a panel."""

from exercises.exercise import progress

__all__ = ["progress"]
