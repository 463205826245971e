"""Progress of long transfers: a bar for each layer or file, and a line for all of them."""

import sys
import time
from dataclasses import dataclass

import ipywidgets
from IPython import get_ipython
from IPython.display import display

from helpers._internal.command import is_quiet
from helpers._internal.readable import size

_MOVING = ("Downloading", "Pushing", "Loading", "Saving")  # of these the bytes count
_DONE = ("complete", "exists", "Pushed", "Mounted")
_APPEAR = 0.4  # seconds; a transfer that is over sooner shows no bar
_BETWEEN = 0.1  # seconds from one picture to the next


@dataclass
class Part:
    """A layer or a file under way.

    Attributes:
        status: In the Engine's words.
        current: Bytes so far.
        total: Bytes in all; 0 while it is not known.
    """

    status: str = ""
    current: int = 0
    total: int = 0

    @property
    def done(self):
        """Whether it has arrived."""
        return any(word in self.status for word in _DONE)

    @property
    def fraction(self):
        """How much of it has arrived, 0.0 to 1.0."""
        return 1.0 if self.done else min(self.current / self.total, 1.0) if self.total else 0.0


class Meter:
    """What a transfer has done so far. It knows nothing of widgets.

    Args:
        clock: Gives the time in seconds.
    """

    def __init__(self, clock=time.monotonic):
        self.parts = {}
        self._clock, self._begun, self._shown = clock, clock(), 0.0

    def take(self, name, status, current=0, total=0):
        """Note what has happened to a part.

        Args:
            name: The part's name, such as a layer's short ID.
            status: In the Engine's words.
            current: Bytes so far; they never fall, though the Engine counts anew when it unpacks.
            total: Bytes in all, 0 if it is not known yet.
        """
        part = self.parts.setdefault(name, Part())
        part.status = status
        if status in _MOVING:
            part.current, part.total = max(part.current, current), max(part.total, total)

    def seconds(self):
        """How long it has taken so far."""
        return self._clock() - self._begun

    def fraction(self):
        """How much has arrived, 0.0 to 1.0. It never falls, even when a size arrives late."""
        total = sum(part.total for part in self.parts.values())
        if total:
            sizes = sum(part.fraction * part.total for part in self.parts.values())
            self._shown = max(self._shown, sizes / total)
        return self._shown

    def line(self):
        """Say how far it all is: parts, bytes, speed."""
        parts = self.parts.values()
        moved = sum(part.current for part in parts)
        total = sum(part.total for part in parts)
        speed = moved / max(self.seconds(), 1e-3)
        done = sum(part.done for part in parts)
        text = f"{done} of {len(parts)} done"
        return f"{text}, {size(moved)} of {size(total)}, {size(speed)}/s" if total else text


class Progress:
    """Show a transfer while it runs: `with Progress() as meter: meter.take(…)`.

    In a notebook there is one bar a part, which goes when the block ends; what it yielded is in
    the result that follows. In a terminal there is one line. Elsewhere nothing is shown.

    Args:
        visible: Whether to show anything.
    """

    def __init__(self, visible=True):
        self._visible = visible

    def __enter__(self):
        view = _Bars if _has_widgets() else _Line
        self._view = view() if self._visible and not is_quiet() else _Nothing()
        self._meter, self._next = Meter(), _APPEAR
        return self

    def passing(self, pieces, name, total):
        """Pass a stream on piece by piece, and note how far it is.

        Args:
            pieces: The stream, an iterable of bytes.
            name: What it is called.
            total: How many bytes it will have, about.

        Yields:
            Bytes.
        """
        done = 0
        for piece in pieces:
            done += len(piece)
            self.take(name, "Loading", done, total)
            yield piece

    def take(self, name, status, current=0, total=0, **_):
        """Note what has happened to a part, as `Meter.take` does, and show it now and then."""
        self._meter.take(name, status, current, total)
        if self._meter.seconds() >= self._next:
            self._view.show(self._meter)
            self._next = self._meter.seconds() + _BETWEEN

    def __exit__(self, *failure):
        self._view.close()


def _has_widgets():
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class _Bars:
    """Bars in a notebook. The output is there from the start, so it is always the same."""

    def __init__(self):
        self._rows = {}
        self._all = _Row("all")
        self._box = _Quiet([self._all.box], layout={"display": "none"})
        display(self._box)

    def show(self, meter):
        for name, part in meter.parts.items():
            if name not in self._rows:
                self._rows[name] = _Row(name)
                self._box.children += (self._rows[name].box,)
            moved = f", {size(part.current)} of {size(part.total)}" if part.total else ""
            self._rows[name].show(part.fraction, part.status + moved)
        self._all.show(meter.fraction(), meter.line())
        self._box.layout.display = None

    def close(self):
        self._box.layout.display = "none"


class _Row:
    """A name, a bar and a line of text."""

    def __init__(self, name):
        self._bar = ipywidgets.FloatProgress(max=1.0)
        self._text = ipywidgets.Label()
        self.box = ipywidgets.HBox([ipywidgets.Label(name), self._bar, self._text])

    def show(self, fraction, text):
        self._bar.value, self._text.value = fraction, text


class _Quiet(ipywidgets.VBox):
    """A box that leaves nothing in a saved notebook: what counts there is the result."""

    def _repr_mimebundle_(self, **kwargs):
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": "", "text/html": ""}


class _Nothing:
    """No view at all."""

    def show(self, meter):
        pass

    def close(self):
        pass


class _Line(_Nothing):
    """One line in a terminal; nothing where the output is no terminal."""

    def show(self, meter):
        if sys.stderr.isatty():
            print(f"\r{meter.line():70}", end="", file=sys.stderr, flush=True)

    def close(self):
        if sys.stderr.isatty():
            print(f"\r{'':70}\r", end="", file=sys.stderr, flush=True)
