"""One small family of errors. Each says what was tried, what is wrong and what to do next."""

import re
from contextlib import contextmanager

import docker.errors
import requests
import urllib3.exceptions

from helpers._internal.readable import visible


class LessonError(Exception):
    """What a lesson's helper raises; a notebook shows this sentence, and no traceback.

    Args:
        tried: What was tried, most often a docker command; empty where the command that is
            shown says it.
        wrong: What is wrong.
        todo: What to do next.
    """

    def __init__(self, tried, wrong, todo):
        tried, wrong, todo = (visible(clipped(part, 500)) for part in (tried, wrong, todo))
        super().__init__(f"{tried}: {wrong}. {todo}.")
        self.tried, self.wrong, self.todo = tried, wrong, todo
        self._lines = [f"{tried}:", f"{wrong}.", f"{todo}."]

    def _render_traceback_(self):
        return [
            "\n  ".join(
                [f"\x1b[31m{type(self).__name__}\x1b[0m: {self._lines[0]}", *self._lines[1:]]
            )
        ]


def clipped(text, size):
    """Leave out the middle of a long text: what counts is at its beginning or its end."""
    return text if len(text) <= size else f"{text[: size // 2]} … {text[-size // 2 :]}"


class EngineNotRunning(LessonError):
    """No Docker Engine answers."""


class SocketDenied(LessonError):
    """The Engine is there, and this user may not talk to it."""


class HubUnreachable(LessonError):
    """Docker Hub can't be reached."""


class RegistryUnreachable(LessonError):
    """A registry or an index other than Docker Hub can't be reached."""


class RateLimited(LessonError):
    """The registry has had enough requests from here for now."""


class NoSuchImage(LessonError):
    """Neither the Engine nor the registry has the image."""


class NoSuchContainer(LessonError):
    """The Engine has no container of that name."""


class StillRunning(LessonError):
    """The container runs, and the command is for one that does not."""


class NotRunning(LessonError):
    """The container does not run, and the command is for one that does."""


class NameTaken(LessonError):
    """The name belongs to something that this workspace did not make."""


class WrongPassword(LessonError):
    """The registry does not know this user with this password."""


class AccessDenied(LessonError):
    """The registry lets only those in who have logged in."""


class PortBusy(LessonError):
    """Something else listens on the port."""


class BadOption(LessonError):
    """What was given to a helper can't mean anything."""


class BadAnswer(LessonError):
    """What answers is no registry and no index."""


class OtherPlatform(LessonError):
    """The image is made for another kind of machine."""


class BadTar(LessonError):
    """The file is not the archive that the command needs."""


class BadFolder(LessonError):
    """The folder for the lessons' files can't be written."""


class NoSpace(LessonError):
    """The disk is full."""


class TooSlow(LessonError):
    """There was no answer in time."""


class EngineError(LessonError):
    """The Engine said no, in words that this family has no name for."""


class NoAnswer(requests.ConnectionError):
    """A registry, not the Engine, could not be reached from this kernel."""


class NoRegistry(requests.RequestException):
    """What answered this kernel is no registry."""


class NotSetUp(LessonError):
    """A cell was run before the notebook's first one."""


class Interrupted(LessonError):
    """The person at the keyboard stopped it."""


_OFFLINE = (
    r"no such host|connection refused|i/o timeout|handshake timeout|unreachable|Client\.Timeout"
    r"|context deadline|server misbehaving|connection reset|request canceled|\bEOF\b|\b50[0234] "
    r"|status code 50[0234]|Read timed out|no answer from"
)
_HUB = r"docker\.(?:io|com)\b"
# (what the Engine says, the error, what is wrong, what to do next); the first that matches counts.
_RULES = [
    (r"toomanyrequests|429 (?:Too Many|Client)|(?:HTTP|status code) 429", RateLimited,
     "the registry's rate limit is reached", "Wait {wait} and try again"),
    (r"incorrect username or password|login attempt.*401|/auth\b.*401",
     WrongPassword, "the registry does not know this user with this password",
     "Check both; for your own registry: registry.login(registry.start())"),
    (r"HTTP response to HTTPS client|not look like a TLS handshake", BadAnswer,
     "what answers there speaks no HTTPS, and Docker wants that, except on 127.0.0.1",
     "Check its address and port"),
    (r"HTTP 405|\b405 Method|status code 405", EngineError,
     "the registry is read-only", "Push to your own: registry.start()"),
    (r"error decoding registry search|error parsing HTTP (?!40[13])\d+ response"
     r"|unexpected status code 4|empty Content-Type|gives no registry's answer"
     r"|could not fetch content descriptor \S+ \(\)",
     BadAnswer, "what answers there is no registry and no index",
     "Check its address; where a network asks you to log in to it first, do that; for the"
     " classroom's: python3 -m classroom lab"),
    (r"^(?!.*(?:no basic auth|denied: (?!requested access)))"
     r".*(?:pull access denied|(?<!push access denied, )repository does not exist)", NoSuchImage,
     "there is no such image, or it is a private one",
     "Check its name and tag, or log in to its registry"),
    (r"no basic auth|authentication required|unauthorized|denied: requested access"
     r"|insufficient_scope|access.*denied: |\b403 (?:Client|Forbidden)|HTTP 40[13] response",
     AccessDenied, "the registry wants to know who is asking",
     "Log in first; to your own registry: registry.login(registry.start())"),
    (rf"^(?=.*{_HUB}).*(?:{_OFFLINE})", HubUnreachable,
     "Docker Hub is out of reach",
     "Go on with the stand-in: CLASSROOM=on python3 -m classroom lab"),
    (r"manifest unknown|manifest for .* not found|no such image|image not known"
     r"|reference does not exist|does not exist locally|tag does not exist"
     r"|repository name not known|404 Client Error"
     r"|(?:resolve reference|image|reference) .*: not found|\S:\S+: not found$",
     NoSuchImage, "there is no such image", "Check its name and tag, or pull it first"),
    (r"no matching manifest for|not match the specified platform|not provide the .*platform",
     OtherPlatform, "there is no such image for this kind of machine",
     "Choose another tag: registry.tags(name) lists the platforms"),
    (r"executable file not found|no such file or directory: unknown", EngineError,
     "the image has no such command", "Check the command after the image's name"),
    (r"no command specified", EngineError, "the image has no CMD, and no command was given",
     "Write a command after the image's name"),
    (r"remove a running container|container is running: stop", StillRunning,
     "the container runs", "Stop it first, or use force=True"),
    (r"is not running", NotRunning, "the container does not run",
     "Start it first: containers.start(name)"),
    (r"no such container", NoSuchContainer, "there is no such container",
     "List what is there: containers.ps(all=True)"),
    (r"port is already allocated|address already in use", PortBusy,
     "something else listens on {port}",
     "Look which container has it, containers.ps(), or choose another port"),
    (r"specified value for memory|strconv\.|cannot unmarshal", BadOption,
     "a value is none that Docker can read", "Correct it, as in memory='64m' or limit=25"),
    (r"is already in use by container|marked for removal|removal of container .* in progress",
     NameTaken, "a container of that name is made or removed elsewhere at this moment",
     "Run the cell again"),
    (r"no space left|quota exceeded", NoSpace, "the disk is full",
     "Make room, then run the cell again"),
    (r"^\[Errno \d+\] (?:Permission denied|Read-only file system|File exists|Not a directory"
     r"|Operation not permitted)\b", BadFolder, "the lessons' files can't be written there",
     "Work in a copy of the course in a folder of your own"),
    (r"unexpected EOF|invalid tar|archive/tar|not a tar|invalid archive|tarexport|docker-import-",
     BadTar,
     "the file is not a whole tar archive", "Save or export it again"),
    (_OFFLINE, RegistryUnreachable, "the registry or index is out of reach",
     "Check its address, and that it runs: containers.ps(); the classroom's:"
     " python3 -m classroom lab"),
]  # fmt: skip
# A command that asks a registry on this machine.
_ON_LOOPBACK = re.compile(r"(?:docker (?:login|pull|push|run)|curl) .*(?:127\.0\.0\.1|localhost):")
# Where an Engine says which port is taken.
_PORT = re.compile(r"(?:Bind for|listen tcp\d?|host port(?: for)?) \S*?:(\d+)\b")

# How docker-py says that it may not talk to the Engine; a registry may say the word, too.
_DENIED = re.compile(
    r"(?:Error while fetching server API version: )?\('Connection aborted\.', PermissionError"
)


def explain(err, tried, *, wait="some minutes"):
    """Say in one sentence what went wrong.

    Args:
        err: The exception of docker-py, requests or the operating system, or the text of an
            error in one of the Engine's streams.
        tried: What was tried, most often a docker command.
        wait: How long to wait where the registry's rate limit is the cause.

    Returns:
        A `LessonError` of the kind that fits.
    """
    text = clipped(str(getattr(err, "explanation", None) or err), 2000)
    asked = isinstance(err, requests.HTTPError) and not isinstance(err, docker.errors.APIError)
    if asked and err.response is not None:
        wait = waiting(err.response.headers)
    if _DENIED.match(text):
        return SocketDenied(
            tried,
            "this user may not talk to the Docker Engine",
            "Join its group with `sudo usermod -aG docker $USER` and log in again",
        )
    if _is_late(err, text) and not re.search(_HUB, text):
        todo = "Run it again; `python3 -m classroom status` shows what answers"
        return TooSlow(tried, "there was no answer in time", todo)
    if _engine_is_gone(err, text):
        return EngineNotRunning(
            tried, "no Docker Engine answers", "Start it with `python3 -m classroom lab`"
        )
    from_registry = tried.startswith(("docker pull", "docker push", "docker run"))
    for pattern, kind, wrong, todo in _RULES:
        if kind is BadTar and from_registry:
            continue  # there is no file: what ended too early is the registry's answer
        if re.search(pattern, text, re.IGNORECASE | re.DOTALL):
            port = f"port {found[1]}" if (found := _PORT.search(text)) else "that port"
            todo = _next_step(kind, todo, tried).format(wait=wait)
            return kind(tried, wrong.format(port=port), todo)
    return EngineError(tried, text.strip().rstrip("."), "See to that, then run it again")


def _is_late(err, text):
    """Whether something answered the connection, and then nothing came in time."""
    slow = (requests.ReadTimeout, TimeoutError, urllib3.exceptions.ReadTimeoutError)
    late = isinstance(err, slow) or type(err) is requests.Timeout
    return late or bool(re.search(r"Read timed out|TimeoutError\(", text))


def _next_step(kind, todo, tried):
    """Fit a rule's next step to what was tried."""
    if kind is AccessDenied and (host := re.search(r"localhost:\d+", tried)):
        return f"Log in by that same address: registry.login('{host[0]}')"
    if kind is RegistryUnreachable and _ON_LOOPBACK.match(tried):
        return "Check its address; your own registry comes back with registry.start()"
    if tried.startswith("docker pull"):
        return todo.replace(", or pull it first", "; without a tag it is latest")
    return todo


def waiting(headers):
    """Tell how long a registry that has had enough wants one to wait.

    Args:
        headers: Those of its answer, a mapping.

    Returns:
        A str, such as `60 seconds`: of `Retry-After`, else the length of the limit's window.
    """
    window = re.search(r"w=(\d+)", headers.get("ratelimit-limit", ""))
    after = headers.get("Retry-After") or (window[1] if window else "")
    return f"{after} seconds" if after.isdigit() else f"until {after}" if after else "some minutes"


def _engine_is_gone(err, text):
    """Whether the connection to the Engine itself failed, not one that the Engine made."""
    if isinstance(err, (docker.errors.APIError, NoAnswer)):
        return False
    broken = (
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,  # it ended in the middle of its answer
        urllib3.exceptions.HTTPError,
    )
    return isinstance(err, broken) or "fetching server API version" in text


@contextmanager
def explained(tried):
    """Run the block; what docker-py or the network raises in it becomes a `LessonError`.

    Args:
        tried: What the block tries, most often a docker command.

    Raises:
        LessonError: With the exception of before as its cause.
    """
    try:
        yield
    except LessonError as err:
        if err.tried:
            raise
        raise type(err)(tried, err.wrong, err.todo) from err.__cause__
    except KeyboardInterrupt as err:
        _bare(err)
        raise Interrupted(
            tried, "it was interrupted", "Run the cell again to do it whole"
        ) from None
    except (
        docker.errors.DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as err:
        _bare(err)
        raise explain(err, tried) from err
    except (ValueError, TypeError, AttributeError, OverflowError) as err:
        _bare(err)
        wrong = f"what was given can't be read: {err}"
        raise BadOption(tried, wrong, "Correct it, then run the cell again") from err


def _bare(err):
    """Take the frames off an error and off what led to it: passwords and connections are there."""
    while err is not None:
        err.__traceback__ = None
        err = err.__cause__ or err.__context__
