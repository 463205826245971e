"""Which part may import which: the arrows of the house run one way, downwards."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOWER = {
    "exercises": ("exercises", "helpers"),
    "helpers": ("helpers",),
    "helpers/_internal": ("helpers._internal",),
    "classroom": ("classroom",),
}


def imported(path):
    """Yield the modules of this project that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module if node.module != "helpers" else f"helpers.{one.name}"
                     for one in node.names]  # fmt: skip
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in (*LOWER, "benchmarks"))


@pytest.mark.parametrize("folder", LOWER)
def test_the_arrows_run_downwards(folder):
    paths = sorted((ROOT / folder).glob("*.py"))
    found = {(path.name, name) for path in paths for name in imported(path)}
    assert len(found) > 5
    assert {one for one in found if not f"{one[1]}.".startswith(tuple(
        f"{lower}." for lower in LOWER[folder]))} == set()  # fmt: skip
