"""The Engine's events, for what follows them: one stream a kernel, while somebody listens."""

import contextlib
import logging
import queue
import threading
import time

from docker.errors import DockerException
from docker.types import CancellableStream
from urllib3.exceptions import HTTPError

from helpers._internal import connection
from helpers._internal.errors import LessonError
from helpers._internal.snapshot import Snapshot

SETTLE_TIME = 0.02  # seconds: what comes together in them is one change
RETRY_INTERVAL = 1  # seconds between two tries to reach an Engine that does not answer
_REST = 0.25  # seconds at most between two looks, as long as the last took: machines may be busy
_NO_ANSWER = (LessonError, DockerException, HTTPError, OSError)  # requests' errors are OSErrors
_UP, _DOWN, _REFRESH = "up", "down", "refresh"
_lock = threading.Lock()
_feed = None  # the one in use; None while nobody listens


def subscribe(listener):
    """Follow the Engine from now on.

    Args:
        listener: A function of two arguments, a `Snapshot` and a list of the Engine's events. It
            is called on a thread of its own, once for all events that came together. There are no
            events on the first call, after the Engine was gone, and after `refresh`. The snapshot
            is `None` while no Engine answers.

    Returns:
        A function without arguments that ends this. With the last listener the stream ends.
    """
    global _feed
    key = object()
    with _lock:
        feed = _feed = _feed or _Feed()
        feed.listeners[key] = listener
        feed.queue.put(_REFRESH)

    def unsubscribe():
        global _feed
        with _lock:
            feed.listeners.pop(key, None)
            if not feed.listeners:
                feed.close()
                _feed = None if _feed is feed else _feed

    return unsubscribe


def refresh(after=0):
    """Call each listener once more, soon or after so many seconds, without an event."""
    if after:
        timer = threading.Timer(after, refresh)
        timer.daemon = True
        return timer.start()
    with _lock:
        if _feed:
            _feed.queue.put(_REFRESH)


class _Feed:
    """One stream: a thread that reads it, for that blocks, and a thread that calls listeners."""

    def __init__(self):
        self.listeners, self.queue = {}, queue.SimpleQueue()
        self.client = self.stream = None
        self.ended = threading.Event()
        for work in (self._read, self._deliver):
            threading.Thread(target=work, name=f"events{work.__name__}", daemon=True).start()

    def close(self):
        self.ended.set()
        self.queue.put(_REFRESH)
        self._cut()

    def _cut(self):
        """End the read that is under way."""
        with contextlib.suppress(*_NO_ANSWER, AttributeError):  # it has ended, or not begun
            self.stream.close()

    def _read(self):
        last = None
        while not self.ended.is_set():
            with contextlib.suppress(*_NO_ANSWER):
                self._follow()
                if connection.connect() is not self.client:
                    continue
            last = None if self.stream else last
            self.stream = None
            if last is not _DOWN:
                self.queue.put(last := _DOWN)
            self.ended.wait(RETRY_INTERVAL)

    def _follow(self):
        """Read events until the stream ends."""
        self.client = connection.connect()
        api = self.client.api
        # Not `api.events()`: the lessons' client gives each of docker-py's own calls a time-out.
        timeout = (connection.CONNECT_TIMEOUT, None)
        answer = api.get(api._url("/events"), stream=True, timeout=timeout)
        api._raise_for_status(answer)
        self.stream = CancellableStream(api._stream_helper(answer, decode=True), answer)
        self.queue.put(_UP)
        if self.ended.is_set():
            self._cut()
        for event in self.stream:
            self.queue.put(event)

    def _deliver(self):
        state, took = None, 0
        while True:
            batch = [self.queue.get()]
            self.ended.wait(min(max(SETTLE_TIME, took), _REST))
            while not self.queue.empty():
                batch.append(self.queue.get())
            if self.ended.is_set():
                return
            events = [item for item in batch if isinstance(item, dict)]
            state = next((item for item in reversed(batch) if item in (_UP, _DOWN)), state)
            if state is None:
                continue
            begun = time.monotonic()
            snapshot = self._snapshot(events) if state is _UP else None
            if len(events) < len(batch):
                self._call(snapshot, [])
            if events:
                self._call(snapshot, events)
            took = time.monotonic() - begun

    def _snapshot(self, events):
        ended = {event["Actor"]["ID"] for event in events if event.get("Action") == "die"}
        with contextlib.suppress(LessonError):
            client = connection.connect()
            if client is not self.client:  # `engine.use`
                self._cut()
            return Snapshot(client.api, ended)

    def _call(self, snapshot, events):
        for key, listener in list(self.listeners.items()):
            try:
                if key in self.listeners:
                    listener(snapshot, events)
            except _NO_ANSWER:
                continue  # the Engine has gone meanwhile, which the stream says, too
            except Exception:
                logging.getLogger(__name__).exception("a listener has failed")
