"""What the bench measures: each function gives figures, made turn by turn with the other side."""

import ast
import datetime
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.figures import Figure
from benchmarks.kernel import Kernel
from benchmarks.room import NOTEBOOKS, ROOT
from helpers import workspace
from helpers._internal import connection

# at most this part of the other side's time
_LIST, _TABLE, _TRANSFER, _IMPORT = 1.15, 0.5, 1.10, 1.15
LIST = "containers.ps(all=True, mine=False)"
BARE = "cell.timed(lambda: engine.connect().api.containers(all=True))"
_MEMORY = 32 * 2**20
_KEY, _NOTEBOOKS = 0.020, 60  # seconds
_LONGEST = 150  # seconds, after which no new turn begins
_TYPED = ["r", "re", "rep", "repo", "repository-9", "repository-99", "ü", "nothing like it", ""]
_IMPORT_ALL = """
import importlib, sys, time
begun = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(time.perf_counter() - begun)
"""


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        containers, images: How many there are when they are listed.
        rows: Of the table in which somebody types.
        layers, layer: Of the image that is moved: how many, and the bytes in each.
        quick, slow, imports: How many turns there are of a table, a transfer, an import.
        warm_up: How many turns come before, and do not count.
        notebooks, cells: How many notebooks are run, and how many cells of each.
    """

    containers: int = 500
    images: int = 200
    rows: int = 10_000
    layers: int = 10
    layer: int = 20_000_000
    quick: int = 25
    slow: int = 7
    imports: int = 11
    warm_up: int = 1
    notebooks: int | None = None
    cells: int | None = None


def turns(count, warm_up, ours, theirs):
    """Run two sides in turn, and the first of a turn second in the next.

    Args:
        count: How many turns count; fewer on a machine that is too slow for them.
        warm_up: How many turns come before, and do not count.
        ours: A function without arguments; it gives what was measured.
        theirs: The same of the other side.

    Returns:
        Two lists, one of each side.
    """
    sides, end = ([], []), time.monotonic() + _LONGEST
    for turn in range(warm_up + count):
        if turn > warm_up and time.monotonic() > end:
            break
        for side in (0, 1) if turn % 2 else (1, 0):
            sides[side].append((ours, theirs)[side]())
    return sides[0][warm_up:], sides[1][warm_up:]


def tables(room, sizes):
    """Measure tables and the search: against the docker command, and the Engine's bare answer."""
    room.make_containers(sizes.containers)
    room.make_images(sizes.images)
    index = connection.sources().index
    with Kernel() as kernel:
        listed = [
            (f"{sizes.containers} containers", LIST, "the Engine's bare answer", _LIST,
             lambda: kernel.value(BARE)["seconds"]),
            # most of its time is the Engine's answer, for which both wait
            (f"{sizes.containers} containers", LIST, *_command("ps -a", None)),
            (f"{sizes.images} images", "images.ls()", *_command("images")),
            ("search", 'registry.search("busybox")', *_command(f"search {index}/busybox")),
        ]  # fmt: skip
        _check(kernel, sizes)
        sides = [_table(kernel, sizes, *one) for one in listed]
    room.clean()
    return [*(figure for figure, _ in sides), _calls([calls for _, calls in sides])]


def _check(kernel, sizes):
    """See to it that there is something to measure."""
    for call, least in (
        (LIST, sizes.containers),
        ("images.ls()", sizes.images),
        ('registry.search("busybox")', 1),
    ):
        if kernel.value(f"len({call})") < least:
            raise RuntimeError(f"{call} has fewer than {least} rows; is something removing them?")


def _command(words, goal=_TABLE):
    """Return a docker command as the other side of a table: its name, the goal, its measure."""
    return f"docker {words}", goal, lambda: processes.seconds("docker", *words.split())


def _table(kernel, sizes, what, call, other, goal, theirs):
    """Measure one table; returns its figure, and the most Engine calls that it took."""
    ours, theirs = turns(
        sizes.quick,
        sizes.warm_up,
        lambda: kernel.value(f"cell.timed(lambda: {call})"),
        theirs,
    )
    figure = Figure(f"{what}: {other}", _all(ours, "seconds"), tuple(theirs), goal)
    return figure, max(one["calls"] for one in ours)


def _calls(most):
    what = "Engine calls of each of these"
    return Figure(what, tuple(most), (), 1, "", max, "One call a row would be slow.")


def _all(measured, key):
    return tuple(one[key] for one in measured)


def transfers(room, sizes):
    """Measure save, push, pull and load, one after the other, against the docker command."""
    room.make_big_image(sizes.layers, sizes.layer)
    ours, theirs = turns(
        sizes.slow,
        sizes.warm_up,
        lambda: _round(room, _in_fresh_kernel),
        lambda: _round(room, _by_command),
    )
    room.clean()
    times, peaks = [], []
    for what in ("pull", "push", "save", "load"):
        mine, other = ([one[what] for one in side] for side in (ours, theirs))
        busy = statistics.median(_all(mine, "computed"))
        times.append(
            Figure(
                f"{what}: docker {what}",
                _all(mine, "seconds"),
                tuple(other),
                _TRANSFER,
                why=f"The kernel itself computed for {busy:.2f} s; the rest is the Engine's.",
            )
        )
        why = "It holds more of the image than a piece at a time."
        peak = f"{what}: memory of the kernel"
        peaks.append(Figure(peak, _all(mine, "memory"), (), _MEMORY, "B", max, why))
    return times + peaks


def _round(room, move):
    """Move the image out of the Engine and in again, both ways.

    Returns:
        A dict, from the command's name to what `move` gave for it.
    """
    image, file, measured = room.image, "ten-layers.tar", {}
    path = workspace.file(file)

    def one(what, call, *words):
        measured[what] = move(call, ["docker", what, *words])

    one("save", f"images.save({image!r}, {file!r})", "-o", path, image)
    room.empty_registry()
    one("push", f"images.push({image!r})", image)
    room.remove_big_image()
    one("pull", f"images.pull({image!r})", image)
    room.remove_big_image()
    one("load", f"images.load({file!r})", "-i", path)
    path.unlink()
    return measured


def _in_fresh_kernel(call, words):
    with Kernel() as kernel:
        os.sync()  # what was written before is not to be waited for now
        return kernel.value(f"cell.timed(lambda: {call})")


def _by_command(call, words):
    os.sync()
    return processes.seconds(*words)


def imports(room, sizes):
    """Measure the import of all helpers against that of the packages that they import."""
    own, packages = _modules(ROOT)

    def seconds(names):
        words = (sys.executable, "-c", _IMPORT_ALL, *names)
        return float(processes.output(*words, folder=ROOT))

    ours, theirs = turns(
        sizes.imports, sizes.warm_up, lambda: seconds(own), lambda: seconds(packages)
    )
    extra = statistics.median(ours) - statistics.median(theirs)
    why = f"The helpers' own modules take {extra * 1e3:.0f} ms."
    what = "import: its packages alone"
    return [Figure(what, tuple(ours), tuple(theirs), _IMPORT, why=why)]


def _modules(folder):
    """List the helpers' modules, and those of other packages that they import."""
    own, foreign = [], []
    for file in sorted((folder / "helpers").rglob("*.py")):
        own.append(".".join(file.relative_to(folder).with_suffix("").parts))
        foreign += _imported(ast.parse(file.read_text(encoding="utf-8")))
    ours = {"helpers", *sys.stdlib_module_names}
    return own, list(dict.fromkeys(one for one in foreign if one.split(".")[0] not in ours))


def _imported(module):
    for node in module.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def keystrokes(room, sizes):
    """Measure how long a kernel takes for a keystroke in the search above a long table."""
    with Kernel() as kernel:
        made = f"(table := cell.big_table({sizes.rows}))"
        box = kernel.value(f"{made}._controls['search'].model_id")
        for text in _TYPED:
            kernel.type_in(box, text)
        times = [kernel.type_in(box, text) for text in _TYPED * 3]
    what = f"a key in the search above {sizes.rows} rows"
    why = "The kernel looks through each row's text."
    return [Figure(what, tuple(times), (), _KEY, why=why)]


def notebooks(room, sizes):
    """Measure the notebooks, run one after the other as a learner does."""
    found = sorted(NOTEBOOKS.glob("*.ipynb"))[: sizes.notebooks]
    runs = {one.name: _executed(one, sizes.cells) for one in found}
    room.clean()
    figures = [Figure(f"notebook {name}", (seconds,)) for name, (seconds, _) in runs.items()]
    cells = sorted((cell for _, cells in runs.values() for cell in cells), reverse=True)
    slow = ", ".join(f"{line} ({seconds:.1f} s)" for seconds, line in cells[:4])
    total = sum(seconds for seconds, _ in runs.values())
    what, why = "the notebooks together", f"The slowest cells end in: {slow}."
    return [*figures, Figure(what, (total,), (), _NOTEBOOKS, why=why)]


def _executed(notebook, cells):
    """Run a notebook, or its first cells; the file stays as it is.

    Returns:
        The seconds, and a list with the seconds and the last line of each cell of code.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"] = content["cells"][:cells]
    words = ("-m", "nbconvert", "--to=notebook", "--execute", "--stdin", "--stdout")
    begun = time.perf_counter()
    run = processes.output(sys.executable, *words, folder=NOTEBOOKS, said=json.dumps(content))
    seconds = time.perf_counter() - begun
    return seconds, [_timing(one) for one in json.loads(run)["cells"] if one.get("outputs")]


def _timing(cell):
    """Give the seconds that an executed cell took, and its last line."""
    took = cell["metadata"]["execution"]
    begun, ended = (
        datetime.datetime.fromisoformat(took[which])
        for which in ("iopub.status.busy", "iopub.status.idle")
    )
    return (ended - begun).total_seconds(), "".join(cell["source"]).splitlines()[-1]
