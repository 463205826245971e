"""What learners and the Engine use: processor time and memory."""

import asyncio
import contextlib

import psutil

_ENGINE = ("dockerd", "containerd")  # what these have started and seen end counts for them
_SHIM = "containerd-shim"
_BETWEEN = 2  # seconds from one look to the next


class Meter:
    """Looks now and then at kernels and at the Engine's processes.

    Args:
        learners: A list of `Learner`s.

    Attributes:
        memory: The most that all kernels together had at one time, in bytes.
    """

    def __init__(self, learners):
        self._learners, self.memory = learners, 0
        self._first, self._last = {}, {}

    async def watch(self):
        """Look until cancelled."""
        self._first = dict(self.look())
        while True:
            await asyncio.sleep(_BETWEEN)
            self.look()

    def look(self):
        """Look once; gives the Engine's seconds by process."""
        self.memory = max(self.memory, sum(map(_memory, self._learners)))
        self._last |= dict(_engine())
        return self._last

    @property
    def engine(self):
        """The Engine's processor time since the first look, in s; `None` if none is to be seen."""
        if not self._last:
            return None
        return sum(now - self._first.get(key, 0) for key, now in self._last.items())


def _memory(learner):
    """Tell what a learner's kernel has in memory, its share of what kernels share."""
    with contextlib.suppress(psutil.Error, AttributeError):
        found = learner.kernel.memory_full_info()
        return getattr(found, "pss", found.uss)  # only Linux knows shares
    return 0


def _engine():
    """Yield the processes of Engines on this machine, with the seconds that they have used."""
    for one in psutil.process_iter(["name", "cpu_times", "create_time"]):
        name, used = one.info["name"], one.info["cpu_times"]
        if used and (name in _ENGINE or name.startswith(_SHIM)):
            seconds = used.user + used.system + used.children_user + used.children_system
            yield (one.pid, one.info["create_time"]), seconds
