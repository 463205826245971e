"""Progress of a transfer: a bar a layer or file below the command that is shown, or one line."""

import html
import shutil
import sys
import time
from dataclasses import dataclass

from helpers._internal import command
from helpers._internal.readable import size

_MOVING = ("Downloading", "Pushing", "Loading", "Saving")  # of these the bytes count
_DONE = ("complete", "exists", "Pushed", "Mounted")
_DELAY = 0.4  # seconds; a transfer that is over sooner shows no bar
_INTERVAL = 0.1  # seconds from one picture to the next
_GRID = "display:grid;grid:auto/fit-content(50%) 12em 1fr;gap:0 1em;align-items:center"


@dataclass
class Bar:
    """How far a layer or a file is, or all of them together; times are in seconds."""

    begun: float
    status: str = ""
    current: int = 0
    total: int = 0
    seconds: float = 0.0
    fraction: float = 0.0

    def __str__(self):
        if not self.current and not self.total:
            return self.status
        whole = f" of {size(self.total)}" if self.total else ""
        speed = size(self.current / max(self.seconds, 1e-3))
        return f"{self.status}, {size(self.current)}{whole}, {speed}/s"

    def row(self, name):
        """Write it as three cells of HTML."""
        name = html.escape(name)
        bar = f'<progress aria-label="{name}" value="{self.fraction:.3f}" style="width:100%">'
        return f"<span>{name}</span>{bar}</progress><span>{html.escape(str(self))}</span>"


class Progress:
    """Show a transfer while it runs: `with Progress() as progress: progress.update(…)`.

    In a notebook the bars stand in the output of the command that is shown, and leave it when the
    block ends: what is saved is the same for a quick transfer and a slow one. In a terminal there
    is one line. Elsewhere nothing is shown.
    """

    def __init__(self, clock=time.monotonic):
        self._clock, self._command, self.bars = clock, command.current(), {}
        self.all, self._next = Bar(clock()), clock() + _DELAY

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.all.seconds:
            self._draw("", "")

    def track(self, pieces, name, total):
        """Yield a stream's pieces, and note how many of its bytes, about `total`, have passed."""
        done = 0
        for piece in pieces:
            done += len(piece)
            self.update(name, "Loading", done, total)
            yield piece

    def update(self, name, status, current=0, total=0, **_):
        """Note how far a layer or a file is. No bar falls, though an Engine counts anew."""
        now = self._clock()
        bar = self.bars.setdefault(name, Bar(now))
        if status in _MOVING:
            bar.current, bar.total = max(bar.current, current), max(bar.total, total)
            bar.seconds = now - bar.begun
        bar.status, done = status, any(word in status for word in _DONE)
        arrived = min(bar.current / bar.total, 1.0) if bar.total else 0.0
        bar.fraction = max(bar.fraction, float(done), arrived)
        if self._command and now >= self._next:
            self._next, self.all.seconds = now + _INTERVAL, now - self.all.begun
            self._sum(self.all, self.bars.values())
            rows = "".join(bar.row(name) for name, bar in {"all": self.all, **self.bars}.items())
            self._draw(str(self.all), f'<div style="{_GRID}">{rows}</div>')

    def _sum(self, every, bars):
        every.status = f"{sum(bar.fraction == 1 for bar in bars)} of {len(bars)} done"
        every.current, every.total = sum(b.current for b in bars), sum(b.total for b in bars)
        arrived = sum(bar.fraction * bar.total for bar in bars)
        every.fraction = max(every.fraction, arrived / every.total if every.total else 0.0)

    def _draw(self, line, bars):
        if sys.stderr.isatty():
            line = line[: shutil.get_terminal_size().columns - 1]
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        else:
            self._command.put_below(bars)
