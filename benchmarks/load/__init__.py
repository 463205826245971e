"""Many learners at once on one Engine; `python -m benchmarks.load` runs it."""
