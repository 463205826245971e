"""Many learners at once on one Engine; `python -m tests.load` runs it."""
