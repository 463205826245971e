"""`errors.explain`: what Engines, registries and docker-py really say, old and new."""

import http.client
import re
import time

import docker.errors
import pytest
import requests
import urllib3.exceptions
from IPython.core.interactiveshell import InteractiveShell

from helpers._internal import distribution, errors, identity, readable
from helpers._internal.errors import (
    AccessDenied,
    Conflict,
    EngineUnavailable,
    InvalidArchive,
    InvalidInput,
    InvalidResponse,
    LessonError,
    NotFound,
    PlatformMismatch,
    RateLimited,
    RegistryUnreachable,
    Timeout,
)

HUB = '"https://registry-1.docker.io/v2/"'
C = "0123456789abcdef" * 4
MISSING = "No such file or directory"
GONE = "Error while fetching server API version"
POOL = "UnixHTTPConnectionPool(host='localhost', port=None)"

# What Engines say, in their streams or as the message of an answer: (Engines, words, class)
SAID = [
    # Docker Hub out of reach
    ("20.10", f"Get {HUB}: dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host",
     RegistryUnreachable),
    ("20.10", f"Get {HUB}: net/http: request canceled while waiting for connection"
     " (Client.Timeout exceeded while awaiting headers)", RegistryUnreachable),
    ("20.10", f"Get {HUB}: dial tcp 44.205.64.79:443: i/o timeout", RegistryUnreachable),
    ("26", f"Get {HUB}: dial tcp 44.205.64.79:443: connect: connection refused",
     RegistryUnreachable),
    ("26", f"Get {HUB}: net/http: TLS handshake timeout", RegistryUnreachable),
    ("28", f"Get {HUB}: context deadline exceeded"
     " (Client.Timeout exceeded while awaiting headers)", RegistryUnreachable),
    ("28", 'Get "https://auth.docker.io/token?scope=repository%3Alibrary%2Fbusybox%3Apull&'
     'service=registry.docker.io": EOF', RegistryUnreachable),
    ("29", 'failed to resolve reference "docker.io/library/busybox:latest": failed to do request:'
     ' Head "https://registry-1.docker.io/v2/library/busybox/manifests/latest": dial tcp: lookup'
     " registry-1.docker.io: no such host", RegistryUnreachable),
    ("29", 'failed to resolve reference "docker.io/library/busybox:latest": failed to authorize:'
     ' failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3A'
     'library%2Fbusybox%3Apull&service=registry.docker.io": dial tcp 199.96.59.61:443: connect:'
     " network is unreachable", RegistryUnreachable),
    ("20.10", 'Get "https://index.docker.io/v1/search?q=busybox&n=25": dial tcp: lookup'
     " index.docker.io on 1.1.1.1:53: server misbehaving", RegistryUnreachable),
    # another registry out of reach
    ("20.10", 'Get "http://127.0.0.1:5052/v2/": dial tcp 127.0.0.1:5052: connect: connection'
     " refused", RegistryUnreachable),
    ("29", 'failed to do request: Head "https://127.0.0.1:5052/v2/ada/x/blobs/sha256:0": dial tcp'
     " 127.0.0.1:5052: connect: connection refused", RegistryUnreachable),
    ("26", 'Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host',
     RegistryUnreachable),
    # enough for now
    ("20.10", "toomanyrequests: You have reached your pull rate limit. You may increase the limit"
     " by authenticating and upgrading: https://www.docker.com/increase-rate-limit", RateLimited),
    ("28", "toomanyrequests: You have reached your unauthenticated pull rate limit."
     " https://www.docker.com/increase-rate-limit", RateLimited),
    ("29", "failed to copy: httpReadSeeker: failed open: unexpected status code"
     " https://registry-1.docker.io/v2/library/rust/manifests/sha256:de6e: 429 Too Many Requests -"
     " Server message: toomanyrequests: You have reached your pull rate limit.", RateLimited),
    ("29", 'failed to resolve reference "docker.io/library/busybox:latest": unexpected status from'
     " HEAD request to https://registry-1.docker.io/v2/library/busybox/manifests/latest: 429 Too"
     " Many Requests", RateLimited),
    ("20.10", "Unexpected status code 429", RateLimited),
    ("20.10", "error parsing HTTP 429 response body: invalid character '<' looking for beginning of"
     ' value: "<html>"', RateLimited),
    # what is no registry and no index
    ("20.10", "error decoding registry search results: invalid character '<' looking for beginning"
     " of value", InvalidResponse),
    ("20.10", "error decoding registry search results: unexpected EOF", InvalidResponse),
    ("20.10", "Unexpected status code 404", InvalidResponse),
    ("20.10", 'error parsing HTTP 404 response body: no error details found in HTTP response body:'
     ' "{}"', InvalidResponse),
    ("20.10", "missing or empty Content-Type header", InvalidResponse),
    ("20.10", "Unexpected status code 503", RegistryUnreachable),
    ("20.10", "index.docker.io: Unexpected status code 503", RegistryUnreachable),
    # another kind of machine
    ("20.10", "no matching manifest for linux/s390x in the manifest list entries",
     PlatformMismatch),
    ("28", "image with reference ada/x:1 was found but its platform (linux/arm64) does not match"
     " the specified platform (linux/amd64)", PlatformMismatch),
    # what answers is no registry
    ("20.10", 'Get "https://192.0.2.1:5052/v2/": http: server gave HTTP response to HTTPS client',
     InvalidResponse),
    ("29", 'failed to resolve reference "127.0.0.1:5052/ada/x:1": failed to do request: Head'
     ' "https://127.0.0.1:5052/v2/ada/x/manifests/1": tls: first record does not look like a TLS'
     " handshake", InvalidResponse),
    ("29", f"failed to copy: httpReadSeeker: failed open: could not fetch content descriptor"
     f" sha256:{C} () from remote: not found", InvalidResponse),
    # passwords and rights
    ("20.10", "error parsing HTTP 403 response body: invalid character '<' looking for beginning of"
     ' value: "<html>"', AccessDenied),
    ("26.1", "pull access denied for 127.0.0.1:5052/ada/x, repository does not exist or may require"
     " 'docker login': denied: <html>members only", AccessDenied),
    ("20.10", f"Get {HUB}: unauthorized: incorrect username or password", AccessDenied),
    ("20.10", "login attempt to http://127.0.0.1:5052/v2/ failed with status: 401 Unauthorized",
     AccessDenied),
    ("28", 'Get "https://127.0.0.1:5052/v2/": login attempt to http://127.0.0.1:5052/v2/ failed'
     " with status: 401 Unauthorized", AccessDenied),
    ("20.10", "no basic auth credentials", AccessDenied),
    ("29", 'failed to resolve reference "127.0.0.1:5052/ada/x:1": pull access denied, repository'
     " does not exist or may require authorization: authorization failed: no basic auth"
     " credentials", AccessDenied),
    ("20.10", 'Head "http://127.0.0.1:5052/v2/ada/x/manifests/1": no basic auth credentials',
     AccessDenied),
    ("20.10", "unauthorized: authentication required", AccessDenied),
    ("20.10", "denied: requested access to the resource is denied", AccessDenied),
    ("29", "push access denied, repository does not exist or may require authorization: server"
     " message: insufficient_scope: authorization failed", AccessDenied),
    ("29", "push access denied, repository does not exist or may require authorization:"
     " authorization failed: no basic auth credentials", AccessDenied),
    # no such image
    ("20.10", "No such image: nope:latest", NotFound),
    ("20.10", "manifest for busybox:nope not found: manifest unknown: manifest unknown",
     NotFound),
    ("20.10", "manifest for 127.0.0.1:5052/ada/x:1 not found: manifest unknown: manifest unknown",
     NotFound),
    ("20.10", "pull access denied for nope, repository does not exist or may require 'docker"
     " login': denied: requested access to the resource is denied", NotFound),
    ("29", "pull access denied, repository does not exist or may require authorization: server"
     " message: insufficient_scope: authorization failed", NotFound),
    ("29", 'failed to resolve reference "docker.io/library/busybox:nope":'
     " docker.io/library/busybox:nope: not found", NotFound),
    ("29", 'failed to resolve reference "127.0.0.1:5052/ada/x:1": 127.0.0.1:5052/ada/x:1: not'
     " found", NotFound),
    ("20.10", "An image does not exist locally with the tag: 127.0.0.1:5052/ada/x", NotFound),
    ("28", "tag does not exist: 127.0.0.1:5052/ada/x:1", NotFound),
    ("20.10", "reference does not exist", NotFound),
    ("20.10", "repository name not known to registry", NotFound),
    # containers
    ("20.10", "No such container: ada-web", NotFound),
    ("29", "No such container: ada-web", NotFound),
    ("20.10", f"You cannot remove a running container {C}. Stop the container before attempting"
     " removal or force remove", Conflict),
    ("28", 'cannot remove container "/ada-web": container is running: stop the container before'
     " removing or force remove", Conflict),
    ("20.10", f"Container {C} is not running", Conflict),
    ("20.10", f"Cannot kill container: ada-web: Container {C} is not running", Conflict),
    ("28", f"cannot kill container: ada-web: container {C} is not running", Conflict),
    ("28", f"container {C} is not running", Conflict),
    # ports
    ("20.10", f"driver failed programming external connectivity on endpoint ada-web ({C}): Bind for"
     " 127.0.0.1:8080 failed: port is already allocated", Conflict),
    ("20.10", f"driver failed programming external connectivity on endpoint ada-web ({C}): Error"
     " starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
     Conflict),
    ("28", "failed to set up container networking: driver failed programming external connectivity"
     f" on endpoint ada-web ({C}): failed to bind host port for 127.0.0.1:8080:172.18.0.2:80/tcp:"
     " address already in use", Conflict),
    ("29", "failed to set up container networking: driver failed programming external connectivity"
     f" on endpoint ada-web ({C}): failed to bind host port 127.0.0.1:8080/tcp: address already in"
     " use", Conflict),
    ("28", "failed to set up container networking: driver failed programming external connectivity"
     f" on endpoint ada-web ({C}): Bind for 127.0.0.1:8080 failed: port is already allocated",
     Conflict),
    # archives and disks
    ("20.10", "Error processing tar file(exit status 1): unexpected EOF", InvalidArchive),
    ("20.10", "Error processing tar file(exit status 1): archive/tar: invalid tar header",
     InvalidArchive),
    ("28", "archive/tar: invalid tar header", InvalidArchive),
    ("28", "unexpected EOF", InvalidArchive),
    # one name, two kernels
    ("20.10", f'Conflict. The container name "/ada-web" is already in use by container "{C}". You'
     " have to remove (or rename) that container to be able to reuse that name.", Conflict),
    ("20.10", "container is marked for removal and cannot be started", Conflict),
    ("20.10", f"removal of container {C} is already in progress", Conflict),
    # values
    ("docker-py", "The specified value for memory (lots) should specify the units. The postfix"
     " should be one of the `b` `k` `m` `g` characters", InvalidInput),
    ("20.10", 'strconv.Atoi: parsing "1.5": invalid syntax', InvalidInput),
    ("28", "invalid JSON: json: cannot unmarshal number into Go struct field", InvalidInput),
    ("20.10", "write /var/lib/docker/tmp/GetImageBlob412: no space left on device", LessonError),
    ("20.10", "Error processing tar file(exit status 1): write /bin/sh: no space left on device",
     LessonError),
    ("29", "failed to extract layer sha256:0: write /var/lib/containerd/x: no space left on device",
     LessonError),
    # what the family has no name of its own for
    ("20.10", "OCI runtime create failed: container_linux.go:380: starting container process"
     ' caused: exec: "nope": executable file not found in $PATH: unknown', LessonError),
    ("28", "failed to create task for container: failed to create shim task: OCI runtime create"
     " failed: runc create failed: unable to start container process: error during container init:"
     ' exec: "nope": executable file not found in $PATH: unknown', LessonError),
    ("20.10", "OCI runtime create failed: container_linux.go:380: starting container process"
     ' caused: exec: "/nope": stat /nope: no such file or directory: unknown', LessonError),
    ("20.10", "No command specified", LessonError),
    ("29", "no command specified", LessonError),
    ("20.10", "conflict: unable to remove repository reference \"busybox\" (must force) - container"
     " 0123456789ab is using its referenced image 0123456789ab", LessonError),
]  # fmt: skip


def ids(rows):
    return [f"{row[0]}-{row[-1].__name__}-{i}" for i, row in enumerate(rows)]


@pytest.mark.parametrize(("engine", "said", "kind"), SAID, ids=ids(SAID))
def test_what_an_engine_says(engine, said, kind):
    """In a stream it is the text alone; in an answer docker-py wraps it."""
    response = requests.Response()
    response.status_code, response.reason = 500, "Internal Server Error"
    response.url = "http+docker://localhost/v1.41/some/thing"
    wrapped = docker.errors.APIError("500 Server Error", response, explanation=said)
    for err in (said, docker.errors.DockerException(said), wrapped):
        found = errors.explain(err, "docker try this")
        assert type(found) is kind
        assert str(found).startswith("docker try this: ") and str(found).endswith(".")
        assert ("port 8080." in str(found)) == ("8080" in said)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ('exec: "nope": executable file not found in $PATH: unknown', "no such command"),
        ('exec: "/x": stat /x: no such file or directory: unknown', "no such command"),
        ("No command specified", "no CMD"),
    ],
)
def test_an_engine_s_error_that_lessons_meet_says_what_is_wrong(command, word):
    assert word in str(errors.explain(command, "docker run x"))


def connection(*arguments):
    return requests.ConnectionError(*arguments)


def aborted(err):
    return connection(urllib3.exceptions.ProtocolError("Connection aborted.", err))


def http_error(status, reason, url="http://127.0.0.1:5052/v2/ada/x/tags/list"):
    response = requests.Response()
    response.status_code, response.reason, response.url = status, reason, url
    try:
        response.raise_for_status()
    except requests.HTTPError as err:
        return err


# What docker-py, requests and the operating system raise.
RAISED = [
    ("a checkout that can't be written", OSError(30, "Read-only file system", "x"), LessonError),
    ("a folder of another's", PermissionError(13, "Permission denied", "x"), LessonError),
    ("a file in the folder's place", FileExistsError(17, "File exists", "files/ada"), LessonError),
    ("no socket", docker.errors.DockerException(
        f"{GONE}: ('Connection aborted.', FileNotFoundError(2, '{MISSING}'))"), EngineUnavailable),
    ("nobody at the socket", docker.errors.DockerException(
        f"{GONE}: ('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))"),
     EngineUnavailable),
    ("nobody at tcp", docker.errors.DockerException(
        f"{GONE}: HTTPConnectionPool(host='127.0.0.1', port=2375): Max retries exceeded with url:"
        " /version (Caused by NewConnectionError('[Errno 111] Connection refused'))"),
     EngineUnavailable),
    ("the Engine went away", aborted(FileNotFoundError(2, MISSING)), EngineUnavailable),
    ("the Engine was ended", aborted(ConnectionResetError(104, "Connection reset by peer")),
     EngineUnavailable),
    ("the Engine ended the answer", aborted(
        http.client.RemoteDisconnected("Remote end closed connection without response")),
     EngineUnavailable),
    ("not allowed, at first", docker.errors.DockerException(
        f"{GONE}: ('Connection aborted.', PermissionError(13, 'Permission denied'))"),
     EngineUnavailable),
    ("not allowed, later", aborted(PermissionError(13, "Permission denied")), EngineUnavailable),
    ("slow to answer", requests.ReadTimeout(f"{POOL}: Read timed out. (read timeout=60)"), Timeout),
    ("slow within a stream", connection(f"{POOL}: Read timed out."), Timeout),
    ("slow at first", docker.errors.DockerException(
        f"{GONE}: {POOL}: Read timed out. (read timeout=60)"), Timeout),
    ("slow socket", TimeoutError("timed out"), Timeout),
    ("slow to connect", requests.ConnectTimeout("timed out"), EngineUnavailable),
    ("no space here", OSError(28, "No space left on device", "files/x.tar.part"), LessonError),
    ("401", http_error(401, "Unauthorized"), AccessDenied),
    ("403", http_error(403, "Forbidden"), AccessDenied),
    ("404", http_error(404, "Not Found"), NotFound),
    ("429", http_error(429, "Too Many Requests"), RateLimited),
    ("503", http_error(503, "Service Unavailable"), RegistryUnreachable),
    ("502 of Docker Hub", http_error(502, "Bad Gateway", "https://hub.docker.com/v2/x"),
     RegistryUnreachable),
    ("404 of docker-py", docker.errors.ImageNotFound(
        "404 Client Error for http+docker://localhost/v1.41/images/x/json: Not Found"
        ' ("No such image: x:latest")', explanation="No such image: x:latest"), NotFound),
    ("404 of docker-py", docker.errors.NotFound(
        "404 Client Error", explanation="No such container: x"), NotFound),
]  # fmt: skip


@pytest.mark.parametrize(("case", "err", "kind"), RAISED, ids=[row[0] for row in RAISED])
def test_what_docker_py_and_requests_raise(case, err, kind):
    found = errors.explain(err, "docker try this")
    assert type(found) is kind
    assert "\n" not in str(found)


def test_every_class_of_the_family_is_met():
    """But what the helpers' own checks raise."""
    met = {row[-1] for row in SAID + RAISED}
    family = {LessonError, *LessonError.__subclasses__()}
    assert family - met == {errors.NotOwned}
    assert met <= family and len(family) <= 13
    assert len(SAID) + len(RAISED) >= 80


def test_explained_keeps_the_cause_and_the_class():
    cause = docker.errors.DockerException("No such container: x")
    with pytest.raises(NotFound) as caught, errors.translate_errors("docker start x"):
        raise cause
    assert caught.value.__cause__ is cause
    mine = errors.NotOwned("a", "b", "c")
    with pytest.raises(errors.NotOwned) as caught, errors.translate_errors("docker start x"):
        raise mine
    assert caught.value is mine and mine.__cause__ is None


@pytest.mark.parametrize(
    "err",
    [
        requests.RequestException("x"),
        OSError("x"),
        docker.errors.APIError("x"),
        urllib3.exceptions.ReadTimeoutError(None, None, "Read timed out."),
        urllib3.exceptions.ProtocolError("Connection broken"),
    ],
)
def test_all_that_the_network_raises_is_explained(err):
    """docker-py reads streams with urllib3 itself, so urllib3's errors come out of it."""
    with pytest.raises(LessonError), errors.translate_errors("docker pull x"):
        raise err


@pytest.mark.parametrize(
    "err",
    [ValueError("No closing quotation"), TypeError("x"), AttributeError("x"), OverflowError("x"),
     UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed")],
)  # fmt: skip
def test_a_value_that_can_t_be_read_is_a_bad_option(err):
    with (
        pytest.raises(InvalidInput, match="docker run x: ") as caught,
        errors.translate_errors("docker run x"),
    ):
        raise err
    assert caught.value.__cause__ is err


LONG = 1_000_000
HOSTILE = [
    "resolve reference ", "manifest for ", "image ", "docker.io ", "x:", "a:", "access",
    "Bind for ",
    "listen tcp4 ", "could not fetch content descriptor ", "login attempt ", "denied: ", "no basic",
    "pull access ", "host port ", "error parsing HTTP 9", "removal of container ", "\x1b[201~",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("end", ["", " \x1b[31m\u202e", ": not found"])
def test_a_stranger_s_long_message_is_read_at_once_and_shown_short(piece, end):
    said = "words " + piece * (LONG // len(piece)) + end
    begun = time.process_time()
    found = str(errors.explain(docker.errors.DockerException(said), "docker pull x"))
    assert time.process_time() - begun < 3  # what grows with the square takes minutes
    assert len(found) < 2500  # an escape is written with four or six letters
    assert not re.search("[\x00-\x1f\u202e]", found)


@pytest.mark.parametrize(
    "text", ["a" * LONG, "a-" * LONG, "-" * LONG, "a/" * LONG, "a." * LONG, "a:" * LONG,
             f"a:{'b' * LONG}", f"[{'f' * LONG}", f"a@sha256:{'0' * LONG}", f"{'0' * LONG}/a",
             f"a{'_' * LONG}!", f"x.y:{'9' * LONG}/a", "\x1b" * LONG],
    ids=lambda text: f"{text[:12]!r}",
)  # fmt: skip
def test_a_stranger_s_long_name_is_read_at_once(text):
    begun = time.process_time()
    with pytest.raises(LessonError) as caught:
        distribution.parse(text)
    readable.visible(text), readable.short(text)
    identity.owns_tag(text), distribution.split(text)
    assert time.process_time() - begun < 5
    assert len(str(caught.value)) < 1500 and "\x1b" not in str(caught.value)


def test_a_registry_that_says_how_python_calls_an_error_sends_nobody_into_a_group():
    said = "unknown: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
    found = errors.explain(docker.errors.DockerException(said), "docker pull x")
    assert type(found) is LessonError and "usermod" not in str(found)


def test_each_part_of_an_error_is_shown_without_what_a_terminal_obeys():
    err = LessonError("docker pull \x1b[201~x", "it says \u202e", "Wait until \x07")
    lines = "".join(err._render_traceback_())
    for text in (str(err), lines.replace("\x1b[1m", "").replace("\x1b[0m", "")):
        assert not re.search("[\x1b\u202e\x07]", text)


def test_an_interrupt_is_a_sentence_too():
    with (
        pytest.raises(errors.LessonError, match="docker pull x: "),
        errors.translate_errors("docker pull x"),
    ):
        raise KeyboardInterrupt


@pytest.mark.parametrize("tried", ["docker pull x", "docker push x", "docker run x"])
def test_an_answer_of_a_registry_that_ends_too_early_is_no_bad_file(tried):
    assert isinstance(errors.explain("unexpected EOF", tried), errors.RegistryUnreachable)


def test_a_mistake_in_our_own_code_is_not_hidden():
    with pytest.raises(ZeroDivisionError), errors.translate_errors("docker pull x"):
        raise ZeroDivisionError


def test_what_to_do_names_how_long_to_wait():
    assert "Wait some minutes and" in str(errors.explain("toomanyrequests: x", "a"))


def test_a_notebook_shows_the_sentence_and_no_traceback():
    shell = InteractiveShell()
    printed = []
    shell._showtraceback = lambda kind, value, lines: printed.append(lines)

    def fail():
        try:
            raise OSError("an inner word")
        except OSError as err:
            raise Conflict("docker run", "the port is busy", "Wait") from err

    shell.user_ns["fail"] = fail
    shell.run_cell("fail()", store_history=False)
    [lines] = printed
    text = "\n".join(lines)
    assert re.sub(r"\x1b\[\d+m|\s+", " ", text).split() == (
        "Conflict : docker run: the port is busy. Wait.".split()
    )
    assert text.count("\n") <= 2


def test_the_error_itself_is_one_sentence_of_one_line():
    err = Conflict("docker run", "the port is busy", "Wait")
    assert str(err) == "docker run: the port is busy. Wait."
