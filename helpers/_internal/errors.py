"""Errors that say what was tried, what is wrong and what to do next, and the table of them all."""

import re
from contextlib import contextmanager

import requests
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError, ReadTimeoutError

from helpers._internal.readable import clipped, visible


class LessonError(Exception):
    """What a helper raises: an action, its problem and a hint, shown without a traceback.

    An empty action becomes that of the block in which the error is raised.
    """

    def __init__(self, action, problem, hint):
        parts = [visible(clipped(part, 500)) for part in (action, problem, hint)]
        self.action, self.problem, self.hint = parts
        super().__init__("{}: {}. {}.".format(*parts))

    def _render_traceback_(self):
        name = f"\x1b[1m{type(self).__name__}\x1b[0m"  # red would stand out too little
        return [f"{name}: {self.action}:\n  {self.problem}.\n  {self.hint}."]


class EngineUnavailable(LessonError):
    """No Docker Engine answers, or this user may not talk to it."""


class RegistryUnreachable(LessonError):
    """A registry or an index, such as Docker Hub, can't be reached."""


class RateLimited(LessonError):
    """The registry has had enough requests from here for now."""


class NotFound(LessonError):
    """There is no such image, container or repository."""


class AccessDenied(LessonError):
    """The registry wants a login, does not know this user, or does not let this user do that."""


class NotOwned(LessonError):
    """The name belongs to something that this workspace did not make."""


class Conflict(LessonError):
    """The state of a container, of a name or of a port is in the way."""


class InvalidInput(LessonError):
    """What was given to a helper can't mean anything."""


class InvalidResponse(LessonError):
    """What answers is no registry and no index."""


class InvalidArchive(LessonError):
    """The file is not the archive that the command needs."""


class PlatformMismatch(LessonError):
    """The image is made for another kind of machine."""


class Timeout(LessonError):
    """There was no answer in time."""


_NETWORK = (DockerException, HTTPError, OSError)  # requests' errors are OSErrors
VALUE = (ValueError, TypeError, AttributeError, OverflowError)
_LATE = (requests.ReadTimeout, TimeoutError, ReadTimeoutError)
_BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, HTTPError)
_SLOW = r"Read timed out|TimeoutError\("
_DENIED = r"(?:Error while fetching server API version: )?\('Connection aborted\.', PermissionError"
_HUB = r"docker\.(?:io|com)\b"
_OFFLINE = (r"no such host|connection refused|i/o timeout|handshake timeout|Client\.Timeout"
    r"|\bEOF\b|context deadline|server misbehaving|connection reset|request canceled|\b50[0234] "
    r"|unreachable|status code 50[0234]|Read timed out|no answer from|closed network")  # fmt: skip
_NO_HUB = ("Docker Hub is out of reach",
    "Go on with the stand-in: CLASSROOM=on python3 -m classroom lab")  # fmt: skip
_AT_LOOPBACK = r"^(?:docker (?:login|pu|run)|curl|delete).*(?:127\.0\.0\.1|localhost):"
_MISSING = (r"manifest unknown|manifest for .* not found|no such image|image not known"
    r"|repository name not known|reference does not exist|does not exist locally|tag does not exist"
    r"|\S:\S+: not found$|(?:resolve reference|image|reference) .*: not found")  # fmt: skip
_PORT_TAKEN = (r"(?:(?:Bind for|listen tcp\d?|host port(?: for)?) \S*?:(?P<port>\d+)\b.*?)?"
    "(?:port is already allocated|address already in use)")  # fmt: skip
# The first row counts whose first pattern fits the action, and whose second one fits what is said
# behind its [status]: that of HTTP, or a word from `_status` where there was no answer.
_TABLE = [
    ("", r"^\[Keyboard", LessonError, "it was interrupted", "Run the cell again to do it whole"),
    ("", r"^\[denied", EngineUnavailable, "this user may not talk to the Docker Engine",
     "Join its group with `sudo usermod -aG docker $USER` and log in again"),
    ("", rf"^\[late(?!.*{_HUB})", Timeout, "there was no answer in time",
     "Run it again; `python3 -m classroom status` shows what answers"),
    ("", r"^\[gone", EngineUnavailable, "no Docker Engine answers",
     "Start it with `python3 -m classroom lab`"),
    ("", r"^\[ValueError\] No (?:closing quot|escaped)", InvalidInput,
     "a quotation mark is opened and never closed", "Close it, or give the words as a list"),
    ("", r"^\[\w+Error\]", InvalidInput, "what was given can't be read: {said}",
     "Correct it, then run the cell again"),
    ("", r"^\[429|toomanyrequests|429 Too Many|(?:HTTP|status code) 429", RateLimited,
     "the registry's rate limit is reached", "Wait some minutes and try again"),
    ("^delete ", r"^\[405", AccessDenied, "the registry knows you, and lets nobody delete",
     "Leave it there; who runs the registry can allow it: REGISTRY_STORAGE_DELETE_ENABLED=true"),
    ("", r"^\[405|(?:HTTP|status code) 405|\b405 Method", LessonError,
     "the registry is read-only", "Push to your own: registry.start()"),
    ("", r"^\[404\] 404 .*url: https?://(?P<host>[\w.-]+:\d+)/", NotFound,
     "the registry has no such repository", "See what it has: registry.catalog('{host}')"),
    ("", r"^\[404\] 404 .*url: ", NotFound, "the registry has no such repository",
     "Search for a part of its name, as in registry.search('busy')"),
    ("", r"incorrect username or password|login attempt.*401|/auth\b.*401", AccessDenied,
     "the registry does not know this user with this password",
     "Check both; for your own registry: registry.login(registry.start())"),
    ("", r"HTTP response to HTTPS client|not look like a TLS handshake", InvalidResponse,
     "it speaks no HTTPS, and Docker wants that, except on 127.0.0.1", "Check address and port"),
    ("", r"error decoding registry search|error parsing HTTP (?!40[13])\d+ response|unexpected"
     r" status code 4|empty Content-Type|registry's answer|fetch content descriptor \S+ \(\)",
     InvalidResponse, "what answers there is no registry and no index", "Check its address;"
     " log in to the network, if it asks that; for the classroom's: python3 -m classroom lab"),
    ("", r"^(?!.*(?:no basic auth|denied: (?!requested access)))"
     r".*(?:pull access denied|(?<!push access denied, )repository does not exist)", NotFound,
     "there is no such image, or it is private", "Check its name, or log in to its registry"),
    ("", r"no basic auth|authentication required|unauthorized|denied: requested access|403 Forbid"
     r"|insufficient_scope|access.*denied: |HTTP 40[13] response|^\[40[13]\] 40[13] ", AccessDenied,
     "the registry wants to know who is asking",
     "Log in first; to your own registry: registry.login({host})"),
    ("", r'must be lowercase|"https?://(?-i:\w*[A-Z]\w*)/v2/', InvalidInput,
     "it has capital letters", "Write the name in small letters"),
    ("", rf"^(?=.*{_HUB}).*(?:{_OFFLINE})", RegistryUnreachable, *_NO_HUB),
    (r"^docker search (?!.*\S:\d+/)", _OFFLINE, RegistryUnreachable, *_NO_HUB),
    ("^docker (?:pull|run)", _MISSING, NotFound, "there is no such image",
     "Check its name and tag; without a tag it is latest"),
    ("", _MISSING, NotFound, "there is no such image", "Check its name and tag, or pull it first"),
    ("", r"no matching manifest for|not match the specified platform|not provide the .*platform",
     PlatformMismatch, "there is no such image for this kind of machine",
     "Choose another tag: registry.tags(name) lists the platforms"),
    ("", r"executable file not found|no such file or directory: unknown", LessonError,
     "the image has no such command", "Check the command after the image's name"),
    ("", r"no command specified", LessonError, "the image has no CMD, and no command was given",
     "Write a command after the image's name"),
    ("", r"remove a running container|container is running: stop", Conflict,
     "the container runs", "Stop it first, or use force=True"),
    ("", "is not running", Conflict, "it does not run", "Start it: containers.start(name)"),
    ("", r"no such container", NotFound, "there is no such container",
     "List what is there: containers.ps(all=True)"),
    ("^docker start .*-registry$", _PORT_TAKEN, Conflict, "something else listens on {port}",
     "End that, or give the registry up with containers.rm('registry')"),
    ("", _PORT_TAKEN, Conflict, "something else listens on {port}",
     "Look which container has it, containers.ps(), or choose another port"),
    ("", r"specified value for memory|strconv\.|cannot unmarshal", InvalidInput,
     "a value is none that Docker can read", "Correct it, as in memory='64m' or limit=25"),
    ("", r"is already in use by container|marked for removal|removal of container .* in progress",
     Conflict, "a container of that name is made or removed elsewhere", "Run the cell again"),
    ("", r"no space left|quota exceeded", LessonError, "the disk is full",
     "Make room, then run the cell again"),
    ("", r"^\[Errno \d+\] (?:Permission denied|Read-only file system|File exists|Not a directory"
     r"|Operation not permitted)\b", LessonError, "the lessons' files can't be written there",
     "Work in a copy of the course in a folder of your own"),
    ("^(?!docker (?:pu|run))", r"unexpected EOF|invalid (?:tar|archive)|archive/tar|not a tar|tarex"
     "|docker-import-", InvalidArchive, "it is not a whole tar archive", "Save or export it again"),
    (_AT_LOOPBACK, _OFFLINE, RegistryUnreachable, "the registry or index is out of reach",
     "Check its address; your own registry comes back with registry.start()"),
    ("", _OFFLINE, RegistryUnreachable, "the registry or index is out of reach",
     "Check its address, and that it runs: containers.ps(); else: python3 -m classroom lab"),
    ("", r"^\[400", InvalidInput, "{said}", "Correct that, then run it again"),
    ("", r"^\[404", NotFound, "{said}", "Check its name, then run it again"),
    ("", r"^\[409", Conflict, "{said}", "See to that, then run it again"),
    ("", "", LessonError, "{said}", "See to that, then run it again"),
]  # fmt: skip


def explain(err, action):
    """Return the `LessonError` for an exception, or for the text of an error in a stream."""
    said = clipped(str(getattr(err, "explanation", None) or err), 2000)
    marked = f"[{status}] {said}" if (status := _status(err, said)) else said
    host = f"'{at[0]}'" if (at := re.search(r"\blocalhost:\d+", action)) else "registry.start()"
    values = {"said": said.strip().rstrip("."), "port": None, "host": host}
    for command, words, kind, problem, hint in _TABLE:
        found = re.search(words, marked, re.IGNORECASE | re.DOTALL)
        if found and re.search(command, action):
            values |= found.groupdict()
            values["port"] = f"port {values['port']}" if values["port"] else "that port"
            return kind(action, problem.format(**values), hint.format(**values))


def _status(err, said):
    """Return the HTTP status of an answer, or a word for what happened in its place."""
    if re.match(_DENIED, said):  # docker-py says so; a registry may say the word, too
        return "denied"
    if isinstance(err, _LATE) or type(err) is requests.Timeout or re.search(_SLOW, said):
        return "late"
    if isinstance(err, (APIError, requests.HTTPError)):
        return getattr(err.response, "status_code", None)
    if "fetching server API version" in said:
        return "gone"
    if isinstance(err, _NETWORK):  # `distribution.get` names the registry that gives no answer
        return "gone" if isinstance(err, _BROKEN) and "no answer from" not in said else None
    return None if isinstance(err, str) else type(err).__name__


@contextmanager
def translate_errors(action):
    """Run the block; raise a `LessonError` for what docker-py, the network or a value raises."""
    try:
        yield
    except LessonError as err:
        if err.action:
            raise
        raise type(err)(action, err.problem, err.hint) from err.__cause__
    except (KeyboardInterrupt, *_NETWORK, *VALUE) as err:
        strip_traceback(err)
        raise explain(err, action) from None if isinstance(err, KeyboardInterrupt) else err


def strip_traceback(err):
    """Take the frames off an error and off what led to it: passwords and connections are there."""
    while err is not None:
        err.__traceback__ = None
        err = err.__cause__ or err.__context__
