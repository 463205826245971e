"""What the verbs of lesson 3 share: how a container is made, waited for and read."""

import contextlib
import shlex
import tarfile
import tempfile
import time
from dataclasses import dataclass

import docker.errors
import pandas as pd
import requests
from docker.types import LogConfig

from helpers._internal import errors, identity, images, ports
from helpers._internal.frames import to_frame
from helpers._internal.readable import Text

# The disk of an Engine fills up without a limit. This driver has one (five files of 20 MB, packed)
# and keeps the end; json-file with `max-size` alone throws all away each time that it is full.
LOG_DRIVER = "local"
RUN_TIMEOUT = 60  # seconds that a container in the foreground, or a command in one, may take
START_TIMEOUT = 5  # seconds that a container's command may take to begin
MAX_LINES = 50_000  # of a log, and
MAX_OUTPUT = 1_000_000  # bytes of what is printed: no more is read or shown
_POLICIES = ("no", "always", "unless-stopped", "on-failure")
_SET_UP = ("runc init", "/exe init")  # the process that sets a container up, as ps shows it


class Output(Text):
    """What a command printed, and its `exit_code`, an int; 0 means success."""

    def __new__(cls, printed, exit_code=0):
        output = super().__new__(cls, printed)
        output.exit_code = exit_code
        return output


@dataclass(frozen=True)
class Options:
    """The options of `docker run`, as `containers.run` takes them, with the full name."""

    name: str | None = None
    detach: bool = False
    rm: bool = False
    publish: str | None = None
    env: dict | None = None
    restart: str | None = None
    init: bool = False
    cpus: float | None = None
    memory: str | None = None

    def words(self, port=0):
        """Write them as words of the command; `port` is the one that is opened here."""
        inner = ports.parse_publish(self.publish)[1]
        return [
            *(["-d"] if self.detach else []),
            *(["--rm"] if self.rm else []),
            *(["--name", self.name] if self.name else []),
            *("--label", identity.label(), "--log-driver", LOG_DRIVER),
            *(["-p", f"127.0.0.1:{port}:{inner}"] if port else []),
            *(word for key, value in (self.env or {}).items() for word in ("-e", f"{key}={value}")),
            *(["--restart", self.restart] if self.restart else []),
            *(["--init"] if self.init else []),
            *(["--cpus", self.cpus] if self.cpus else []),
            *(["--memory", self.memory] if self.memory else []),
        ]

    def arguments(self, api, port=0):
        """Write them as the arguments of docker-py's `create_container`, a dict."""
        policy, _, count = str(self.restart or "no").partition(":")
        if policy not in _POLICIES or not (count or "0").isdigit():
            raise errors.InvalidInput(
                f"docker run --restart {self.restart}", "there is no such policy",
                f"Choose one of {', '.join(_POLICIES)}",
            )  # fmt: skip
        inner = ports.parse_publish(self.publish)[1]
        host = api.create_host_config(
            port_bindings={inner: ("127.0.0.1", port)} if port else {},
            restart_policy={"Name": policy, "MaximumRetryCount": int(count or 0)},
            init=bool(self.init) or None,
            auto_remove=self.rm and self.detach,
            nano_cpus=int(float(self.cpus) * 1e9) if self.cpus else None,
            mem_limit=self.memory,
            log_config=LogConfig(type=LOG_DRIVER),
        )
        return {
            "name": self.name, "environment": self.env, "ports": [inner] if port else [],
            "host_config": host, "labels": {identity.LABEL: identity.name()},
        }  # fmt: skip


def split_command(command):
    """Read a command as a shell does, or take its words; gives a list of str."""
    with errors.translate_errors(f"read the command {command!r}"):
        return shlex.split(command) if isinstance(command, str) else list(map(str, command or ()))


def create(api, image, words, arguments, *, pull=True):
    """Create a container, and return its ID; pull its image, once, if it is not here.

    This workspace's container of the same name makes room for it, once all else is known to be
    right: the Engine looks at the name last.
    """
    try:
        return api.create_container(image, words or None, **arguments)["Id"]
    except docker.errors.ImageNotFound:
        if not pull:
            raise
        images.pull(api, image)
        pull = False
    except docker.errors.APIError as err:
        if err.status_code != 409 or "is already in use by container" not in err.explanation:
            raise
        remove_own(api, arguments["name"])
    return create(api, image, words, arguments, pull=pull)


def own_ports(api, name):
    """Return the ports here of this workspace's container of a name, which makes room; a set."""
    with contextlib.suppress(docker.errors.NotFound):
        known = identity.check_container(api, name)["NetworkSettings"]["Ports"] or {}
        return {int(bound["HostPort"]) for bindings in known.values() for bound in bindings or ()}
    return set()


def remove_own(api, name):
    """Remove this workspace's container of a name, if there is one; it is gone afterwards."""
    with contextlib.suppress(docker.errors.NotFound):
        container = identity.check_container(api, name)["Id"]
        try:
            api.remove_container(container, force=True, v=True)
        except docker.errors.APIError as err:
            if "in progress" not in err.explanation:
                raise
            api.wait(container, condition="removed")  # as it goes away with its end, `--rm`


def finish(api, container, *, keep):
    """Run a container in the foreground, and give what it printed, as `Output`."""
    try:
        api.start(container)
        code = api.wait(container, timeout=RUN_TIMEOUT)["StatusCode"]
        return Output(read_log(api, container), code)
    except BaseException as err:
        keep = False
        if isinstance(err, requests.RequestException) and "timed out" in str(err):
            problem = f"it still ran after {RUN_TIMEOUT} s, and was removed"
            raise errors.Timeout("", problem, "Use detach=True for a service") from err
        raise
    finally:
        if not keep:
            _discard(api, container)


def begin(api, container):
    """Start a container; one that can't start does not stay."""
    try:
        api.start(container)
    except docker.errors.APIError:
        _discard(api, container)
        raise


def _discard(api, container):
    """Remove a container that is not to stay; with `--rm` the Engine may be at it already."""
    with contextlib.suppress(docker.errors.APIError):
        api.remove_container(container, force=True, v=True)


def table(api, filters, *, all=True):
    """List containers, as `containers.ps` does."""
    rows = [
        (", ".join(name.lstrip("/") for name in row["Names"]), row["Image"], row["Command"],
         row["State"], _exit_code(row["Status"]), row["Status"],
         ", ".join(sorted({_port(port) for port in row["Ports"]})), row["Created"], row["Id"][:12])
        for row in api.containers(all=all, filters=filters)
    ]  # fmt: skip
    return to_frame(
        rows, names="str", image="str", command="str", state="str", exit_code="Int64",
        status="str", ports="str", created="s", container_id="str",
    )  # fmt: skip


def _exit_code(status):
    """Read the exit code out of a status such as `Exited (137) 2 minutes ago`."""
    return int(status[8 : status.index(")")]) if status.startswith("Exited (") else pd.NA


def _port(port):
    inner = f"{port['PrivatePort']}/{port['Type']}"
    return f"{port['IP']}:{port['PublicPort']}->{inner}" if "PublicPort" in port else inner


def state(api, name):
    """Return how a container has ended: name, state, exit_code; one that is gone is `removed`."""
    try:
        row = _state(api.inspect_container(name))
    except docker.errors.NotFound:
        row = name, "removed", pd.NA
    return to_frame([row], name="str", state="str", exit_code="Int64")


def _state(container):
    state = container["State"]
    return container["Name"].lstrip("/"), state["Status"], state["ExitCode"]


def inspect(api, names):
    """Inspect containers as `containers.inspect` does."""
    rows = [
        (*_state(container), container["RestartCount"], container["State"]["OOMKilled"],
         bool(container["HostConfig"].get("Init")),
         container["HostConfig"]["RestartPolicy"]["Name"])
        for container in map(api.inspect_container, names)
    ]  # fmt: skip
    return to_frame(rows, name="str", state="str", exit_code="int64", restarts="int64",
                    oom_killed=bool, init=bool, restart_policy="str")  # fmt: skip


def events(stream, container):
    """List a container's events, as `containers.events` does."""
    # The Engine writes an image's labels over what it knows itself: such a code is none.
    known = "exitCode" not in (container["Config"]["Labels"] or {})
    rows = [
        (event["timeNano"], event["Action"], int(event["Actor"]["Attributes"]["exitCode"])
         if known and event["Action"] == "die" else pd.NA) for event in stream
    ]  # fmt: skip
    return to_frame(rows, time="ns", action="str", exit_code="Int64")


def check_running(api, name):
    """Wait until a container of ours, and the init in front of it, are there to get a signal.

    On a busy machine that is some time after `docker start` has answered.
    """
    end = time.monotonic() + START_TIMEOUT
    least = 2 if identity.check_container(api, name)["HostConfig"].get("Init") else 1
    with contextlib.suppress(docker.errors.APIError):  # it does not run
        while time.monotonic() < end:
            commands = [row[-1] for row in api.top(name)["Processes"]]
            if len(commands) >= least and not any(words.endswith(_SET_UP) for words in commands):
                return
            time.sleep(0.05)  # nothing tells when it begins


def wait_for_end(api, name):
    """Wait until a container has ended, and is not to be started again; return its `state`."""
    end = time.monotonic() + RUN_TIMEOUT
    while time.monotonic() < end:
        try:
            api.wait(name, timeout=RUN_TIMEOUT)
            if not api.inspect_container(name)["State"]["Running"]:
                break
        except docker.errors.NotFound:  # it went away when it had ended
            break
        time.sleep(0.05)  # nothing tells when Docker has given up restarting it
    else:
        raise requests.Timeout(f"{name} still runs after {RUN_TIMEOUT} s")
    return state(api, name)


def read_output(pieces, most=float("inf")):
    """Join what was printed; of very much the end only, below a line that says so."""
    kept, count, size = bytearray(), 0, 0
    end = time.monotonic() + RUN_TIMEOUT
    for piece in pieces:
        count += 1
        size += len(piece)
        kept += piece
        del kept[:-MAX_OUTPUT]
        if time.monotonic() > end:
            raise requests.Timeout(f"it still prints after {RUN_TIMEOUT} s")
    text = kept.decode(errors="replace")
    cut = size > MAX_OUTPUT or count > most
    return f"[only the end of it all is shown]\n{text}" if cut else text


def read_log(api, container):
    """Read what a container has printed, a str."""
    lines = api.logs(container, stream=True, follow=False, tail=MAX_LINES + 1)
    return read_output(lines, MAX_LINES)


def read_exec(api, exec_id):
    """Run a command that was created in a container, and read what it prints, as `Output`."""
    # docker-py's exec_start waits on a bare socket, without an end where the command is silent.
    url = api._url("/exec/{0}/start", exec_id)
    with api._post_json(url, data={"Detach": False, "Tty": False}, stream=True) as answer:
        api._raise_for_status(answer)
        printed = read_output(api._multiplexed_response_stream_helper(answer))
    return Output(printed, api.exec_inspect(exec_id)["ExitCode"])


def published(api, name, port):
    """Find where a container's port is published: `host:port`, or `None`."""
    try:
        bindings = api.inspect_container(name)["NetworkSettings"]["Ports"]
    except docker.errors.NotFound:
        return None
    bound = (bindings or {}).get(f"{port}/tcp")
    return f"{bound[0]['HostIp']}:{bound[0]['HostPort']}" if bound else None


@contextlib.contextmanager
def open_file(api, name, path):
    """Open a file in a container, running or not; yields `None` where there is no such file."""
    with tempfile.TemporaryFile() as packed:
        try:
            packed.writelines(api.get_archive(name, path)[0])
        except docker.errors.NotFound:
            yield None
            return
        packed.seek(0)
        with tarfile.open(fileobj=packed) as archive:
            first = archive.next()
            yield archive.extractfile(first) if first.isreg() else None


def usage(stream, container):
    """Read what a container uses from the stream of `docker stats`, as `containers.stats` gives it.

    Source: https://docs.docker.com/reference/api/engine/ (ContainerStats)
    """
    next(stream)  # the first has nothing to compare with
    sample = next(stream)
    stream.close()
    if not sample["memory_stats"]:
        raise docker.errors.DockerException("the container is not running")
    now, before = sample["cpu_stats"], sample["precpu_stats"]
    mine = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    every = now["system_cpu_usage"] - before["system_cpu_usage"]
    memory, count = sample["memory_stats"], now["online_cpus"]
    cache = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    cores = container["HostConfig"]["NanoCpus"] / 1e9 or count
    row = (round(100 * mine / every * count, 1), 100 * cores, memory["usage"] - cache,
           memory["limit"])  # fmt: skip
    return to_frame([row], cpu_percent="float64", cpu_limit="float64", memory="int64",
                    memory_limit="int64")  # fmt: skip
