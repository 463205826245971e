"""Lesson 3, containers: run, list, look into, stop, kill, remove."""

import contextlib
import itertools
import re
import shlex
import socket
import tarfile
import tempfile
import threading
import time

import docker.errors
import docker.types
import pandas as pd
import requests
from docker.utils.socket import frames_iter

from helpers import engine, images, tables, workspace
from helpers._internal import command, diary, distribution, errors
from helpers._internal.command import shown
from helpers.workspace import Text

_POLICIES = ("no", "always", "unless-stopped", "on-failure")
# The disk of an Engine fills up without a limit. This driver has one (five files of 20 MB, packed)
# and keeps the end; json-file with `max-size` alone throws all away each time that it is full.
LOG_OPTIONS = ("--log-driver", "local")
_LINES = 50_000  # of a log, and
_BYTES = 1_000_000  # of what a command or a page says: no more is read or shown
_LONGEST = 60  # seconds that a container in the foreground may run
_BEGIN = 5  # seconds that a container's command may take to begin
_SET_UP = ("runc init", "/exe init")  # the process that sets a container up, as ps shows it


class Output(Text):
    """What a command printed, and how it ended.

    Attributes:
        exit_code: The command's exit code, an int; 0 means success.
    """

    exit_code = 0

    @classmethod
    def of(cls, printed, exit_code):
        """Make one from text and an exit code."""
        output = cls(printed)
        output.exit_code = exit_code
        return output


def _end_of(pieces, most=float("inf")):
    """Join what was printed; of very much the end only, below a line that says so."""
    kept, count, size = bytearray(), 0, 0
    for count, piece in enumerate(pieces, 1):  # noqa: B007
        size += len(piece)
        kept += piece
        del kept[:-_BYTES]
    text = kept.decode(errors="replace")
    cut = size > _BYTES or count > most
    return f"[only the end of it all is shown]\n{text}" if cut else text


def _log(client, container):
    lines = client.api.logs(container, stream=True, follow=False, tail=_LINES + 1)
    return _end_of(lines, _LINES)


def run(
    image,
    arguments=None,
    *,
    name=None,
    detach=False,
    rm=False,
    publish=None,
    env=None,
    restart=None,
    init=False,
    cpus=None,
    memory=None,
    client=None,
):
    """Start a new container from an image, as `docker run` does.

    The container carries the workspace's label, and its name the workspace's prefix. Your own
    container of the same name makes room for the new one, so that a cell can be run again;
    docker itself would refuse.

    Args:
        image: The image's name; it is pulled if it is not here.
        arguments: The command to run in it, as one types it after the image's name, or a list of
            its words; the image's own if left out.
        name: The container's name in this workspace.
        detach: Leave it running in the background.
        rm: Remove it when it ends.
        publish: `host:container`, two ports such as `8080:80`; the host's is opened on 127.0.0.1
            only, and is the next free one if it is busy.
        env: Environment variables, a dict.
        restart: The restart policy: `no`, `always`, `unless-stopped`, `on-failure` or
            `on-failure:N`.
        init: Put a small init process in front, which passes signals on.
        cpus: How much processor time it may use, in cores, such as 0.5.
        memory: How much memory it may use, such as `64m`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        In the background a DataFrame like that of `ps`, with the container; else what the
        command printed, as `Output`, which has the `exit_code`.

    Raises:
        BadOption: `publish` or `restart` is none of these.
        NoSuchImage: There is no such image, here or in its registry.
        NameTaken: The name belongs to a container that this workspace did not make.
        TooSlow: It ran in the foreground for more than 60 s and was removed.

    Source: Engine API `POST /containers/create`, `/start`, `/wait`, `GET /containers/{id}/logs`.
    """
    client = client or engine.connect()
    name = name and workspace.prefixed(name)
    with errors.explained(f"docker run {image}"):  # all of it is read before anything is removed
        words, (host_port, port) = _words(arguments), _ports(publish)
        before = [
            "-d" if detach else None,
            "--rm" if rm else None,
            *(("--name", name) if name else ()),
            *("--label", workspace.label()),
            *LOG_OPTIONS,
        ]
        after = [
            *(word for key, value in (env or {}).items() for word in ("-e", f"{key}={value}")),
            *(("--restart", restart) if restart else ()),
            "--init" if init else None,
            *(("--cpus", cpus) if cpus else ()),
            *(("--memory", memory) if memory else ()),
        ]
        _host_config(client, restart=restart, cpus=cpus, memory=memory)
        image = images.chosen(image, client=client)
        make_room(name, client=client)

    def start(outer=None):
        opened = ("-p", f"127.0.0.1:{outer}:{port}") if outer else ()
        line = command.line("docker", "run", *before, *opened, *after, image, *words)
        with images.patience(image), shown(line):
            made = created(
                image, words, name=name, env=env, restart=restart, init=init, rm=rm and detach,
                ports={port: ("127.0.0.1", outer)} if outer else {}, cpus=cpus,
                memory=memory, client=client,
            )  # fmt: skip
            if not detach:
                done = _finished(client, made, keep=not rm)
                _check_platform(client, image, done, line)
                return done
            with _without_a_port(client, made):
                client.api.start(made)
            _check_platform(client, image, _first_words(client, made, image), line)
            return _listed(client, {"id": [made]})

    return workspace.on_free_port(host_port, start) if port else start()


def _words(arguments):
    """Read a command as a shell does, or take its words."""
    return shlex.split(arguments) if isinstance(arguments, str) else list(map(str, arguments or ()))


@contextlib.contextmanager
def _without_a_port(client, container):
    """Remove a new container whose port somebody has taken: it is made anew with another."""
    try:
        yield
    except docker.errors.APIError as err:
        if isinstance(errors.explain(err, "docker run"), errors.PortBusy):
            client.api.remove_container(container, force=True, v=True)
        raise


def _ports(publish):
    """Read `8080:80`; gives two int, zeros where nothing is to be published."""
    if not publish:
        return 0, 0
    found = re.fullmatch(r"(\d{1,5}):(\d{1,5})", str(publish))
    ports = [int(port) for port in found.groups()] if found else [0]
    if not all(0 < port < 65536 for port in ports):
        raise errors.BadOption(
            f"docker run -p {publish}",
            "two ports are wanted, yours and the container's, from 1 to 65535",
            'Write publish="8080:80"',
        )
    return ports


def created(
    image,
    words=None,
    *,
    name,
    env,
    ports,
    restart=None,
    init=False,
    rm=False,
    cpus=None,
    memory=None,
    client,
):
    """Create a container that carries the workspace's label, and pull its image if need be.

    Returns:
        The container's ID, a str.
    """
    host = _host_config(client, ports=ports, restart=restart, init=init, rm=rm, cpus=cpus,
                        memory=memory)  # fmt: skip
    image = images.chosen(image, client=client)
    if images.missing(image, client=client):
        images.pulled(image, client=client)
    diary.follow(client)
    made = client.api.create_container(
        image, words or None, name=name, environment=env, ports=list(ports), host_config=host,
        labels=dict([workspace.label().split("=")]),
    )  # fmt: skip
    return made["Id"]


def _host_config(client, *, ports=None, restart=None, init=False, rm=False, cpus=None, memory=None):
    """Read the options of a container that the Engine counts as the host's."""
    policy, _, count = str(restart or "no").partition(":")
    if policy not in _POLICIES or not (count or "0").isdigit():
        raise errors.BadOption(
            f"docker run --restart {restart}", "there is no such policy",
            f"Choose one of {', '.join(_POLICIES)}",
        )  # fmt: skip
    return client.api.create_host_config(
        port_bindings=ports,
        restart_policy={"Name": policy, "MaximumRetryCount": int(count or 0)},
        init=bool(init) or None,
        auto_remove=rm,
        nano_cpus=int(float(cpus) * 1e9) if cpus else None,
        mem_limit=memory,
        log_config=docker.types.LogConfig(type=LOG_OPTIONS[1]),
    )


def _finished(client, container, *, keep):
    """Run a container in the foreground, and give what it printed."""
    ended = False
    try:
        client.api.start(container)
        code = client.api.wait(container, timeout=_LONGEST)["StatusCode"]
        ended = True
        return Output.of(_log(client, container), code)
    except requests.RequestException as err:
        if "timed out" not in str(err):
            raise
        wrong = f"it still ran after {_LONGEST} s, and was removed"
        raise errors.TooSlow("docker run", wrong, "Use detach=True for a service") from err
    finally:
        if not (keep and ended):
            client.api.remove_container(container, force=True, v=True)


def _for_other(client, image):
    """Tell which machine an image is for, and which this one is; `None` where both are one."""
    there, here = client.api.inspect_image(image)["Architecture"], client.api.version()["Arch"]
    return None if there in (here, "") else (there, here)


def _first_words(client, container, image):
    """Read what the container of an image for another machine prints; "" of any other's."""
    if not _for_other(client, image):
        return ""
    with contextlib.suppress(requests.RequestException):  # it goes on: an emulator runs it
        client.api.wait(container, timeout=2)
    with contextlib.suppress(docker.errors.NotFound):
        return _log(client, container)
    return ""


def _check_platform(client, image, printed, tried):
    """Say why nothing of an image that is made for another machine could run on this one."""
    if "exec format error" in printed and (platforms := _for_other(client, image)):
        there, here = platforms
        raise errors.OtherPlatform(
            tried,
            f"{image} is made for {there}, and this machine is {here}",
            f"Choose a tag that is made for {here}: registry.tags(name) lists the platforms",
        )


def make_room(name, *, client):
    """Remove this workspace's container of a name, if there is one.

    Args:
        name: The container's full name.
        client: A `docker.DockerClient`.

    Raises:
        NameTaken: The name belongs to a container that this workspace did not make.
    """
    if name and (container := found(name, client=client)):
        try:
            client.api.remove_container(container["Id"], force=True, v=True)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as err:
            if "already in progress" not in str(err):
                raise
            with contextlib.suppress(docker.errors.NotFound):
                client.api.wait(container["Id"], condition="removed")


def found(name, *, client):
    """Inspect this workspace's container of a name.

    Args:
        name: The container's full name.
        client: A `docker.DockerClient`.

    Returns:
        A dict as the Engine gives it; `None` where there is no container of that name.

    Raises:
        NameTaken: The name belongs to a container that this workspace did not make.
    """
    try:
        container = client.api.inspect_container(name)
    except docker.errors.NotFound:
        return None
    workspace.check_container(container, f"docker run --name {name}")
    return container


def published(name, port, *, client):
    """Find where a container's port is published.

    Args:
        name: The container's full name.
        port: The port inside the container, an int.
        client: A `docker.DockerClient`.

    Returns:
        `host:port` as a str; `None` where the container is not there or does not publish it.
    """
    try:
        bindings = client.api.inspect_container(name)["NetworkSettings"]["Ports"]
    except docker.errors.NotFound:
        return None
    found = (bindings or {}).get(f"{port}/tcp")
    return f"{found[0]['HostIp']}:{found[0]['HostPort']}" if found else None


def ps(name=None, *, all=False, mine=True, client=None):
    """List containers, as `docker ps` does.

    Args:
        name: Only the container of this name in this workspace.
        all: Those that do not run, too.
        mine: Only those that carry the workspace's label.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a container, newest first: names (str), image (str), command (str),
        state (str), exit_code (Int64, <NA> while it has not ended), status (str), ports (str),
        created (datetime64, UTC), container_id (str, 12 digits).

    Raises:
        EngineNotRunning: No Engine answers.

    Source: Engine API `GET /containers/json`.
    """
    filters = {"label": [workspace.label()]} if mine else {}
    if name:
        filters = {"name": [f"^{workspace.prefixed(name)}$"]}
    options = [word for key in filters for word in ("--filter", f"{key}={filters[key][0]}")]
    with shown(command.line("docker", "ps", "-a" if all else None, *options)):
        frame = _listed(client or engine.connect(), filters, all=all)
    asked = {key: values[0] for key, values in filters.items()}
    words = ["docker", "ps", *(["-a"] if all else [])]
    return tables.made_by(frame, *words, asked=asked, filters={"state": "status"})


def _listed(client, filters, *, all=True):
    rows = [
        (
            ", ".join(name.lstrip("/") for name in one["Names"]),
            one["Image"],
            one["Command"],
            one["State"],
            _exit_code(one["Status"]),
            one["Status"],
            ", ".join(sorted({_port(port) for port in one["Ports"]})),
            one["Created"],
            one["Id"][:12],
        )
        for one in client.api.containers(all=all, filters=filters)
    ]
    return tables.framed(
        rows, names="str", image="str", command="str", state="str", exit_code="Int64",
        status="str", ports="str", created="s", container_id="str",
    )  # fmt: skip


def _exit_code(status):
    """Read the exit code out of a status such as `Exited (137) 2 minutes ago`."""
    ended = re.match(r"Exited \((-?\d+)\)", status)
    return int(ended[1]) if ended else pd.NA


def _port(port):
    inner = f"{port['PrivatePort']}/{port['Type']}"
    return f"{port['IP']}:{port['PublicPort']}->{inner}" if "PublicPort" in port else inner


def inspect(*names, client=None):
    """Look at the state of containers, as `docker inspect` tells it.

    Args:
        names: The containers' names in this workspace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a container: name (str), state (str), exit_code (int64, 0 until it
        ends), restarts (int64), oom_killed (bool), init (bool), restart_policy (str).

    Raises:
        NoSuchContainer: There is no such container.

    Source: Engine API `GET /containers/{id}/json`.
    """
    full = [workspace.prefixed(name) for name in names]
    with shown(command.line("docker", "inspect", *full)):
        return _inspected(client or engine.connect(), full)


def _inspected(client, names):
    rows = []
    for name in names:
        one = client.api.inspect_container(name)
        state, host = one["State"], one["HostConfig"]
        rows.append((one["Name"].lstrip("/"), state["Status"], state["ExitCode"],
                     one["RestartCount"], state["OOMKilled"], bool(host.get("Init")),
                     host["RestartPolicy"]["Name"]))  # fmt: skip
    return tables.framed(rows, name="str", state="str", exit_code="int64", restarts="int64",
                         oom_killed=bool, init=bool, restart_policy="str")  # fmt: skip


def _ended(client, name):
    """Tell how a container has ended, also where it went away with that, as `rm=True` wants it."""
    kinds = {"name": "str", "state": "str", "exit_code": "int64"}
    with contextlib.suppress(docker.errors.NotFound):
        return _inspected(client, [name])[list(kinds)]
    now = pd.Timestamp(client.api.info()["SystemTime"]).timestamp()
    found = list(client.api.events(now - 3600, f"{now:.9f}", {"container": name}, decode=True))
    last = [one for one in found if one["Actor"]["ID"] == found[-1]["Actor"]["ID"]]
    codes = [pd.NA, *(code for code in _exit_codes(last) if code is not pd.NA)]
    return tables.framed([(name, "removed", codes[-1])], **kinds | {"exit_code": "Int64"})


def _exit_codes(events, last=pd.NA):
    """Read the exit code of each event of one container, an int; <NA> but for `die`.

    The Engine writes an image's labels over it, where one is called `exitCode`; then only that of
    the last end is known, from elsewhere.
    """
    places = [place for place, one in enumerate(events) if one["Action"] == "die"]
    said = [one["Actor"]["Attributes"].get("exitCode") for one in events]
    usual = ("create", "start", "kill", "destroy")  # these have none
    if any(code for one, code in zip(events, said, strict=True) if one["Action"] in usual):
        codes = dict.fromkeys(places, pd.NA) | dict.fromkeys(places[-1:], last)
    else:
        codes = {place: int(said[place]) for place in places}
    return [codes.get(place, pd.NA) for place in range(len(events))]


@contextlib.contextmanager
def _own(name, *words, client):
    """Show a docker command for a container of this workspace, and refuse any other's."""
    name = workspace.prefixed(name)
    line = command.line("docker", *words[:1], *words[1], name, *words[2:])
    with shown(line):
        workspace.check_container(client.api.inspect_container(name), line)
        yield name


def stop(name, *, grace=10, client=None):
    """Ask a container to end, and end it when it does not, as `docker stop` does.

    Args:
        name: The container's name in this workspace.
        grace: How long to wait between SIGTERM and SIGKILL, in whole seconds.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (int64), grace_used (bool,
        whether the whole grace time went by).

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.

    Source: Engine API `POST /containers/{id}/stop`.
    """
    client = client or engine.connect()
    with _own(name, "stop", ["-t", grace] if grace != 10 else [], client=client) as full:
        if grace < 0:
            raise ValueError("grace is a number of whole seconds, 0 or more")
        _hears(client, full)
        begun = time.monotonic()
        client.api.stop(full, timeout=grace)
        late = time.monotonic() - begun >= grace
        ended = _ended(client, full)
        # a busy Engine is late with the news of an end that came in time; SIGKILL gives 137
        return ended.assign(grace_used=late & (ended.exit_code == 137))


def _hears(client, name):
    """Wait until a container's command, and the init in front of it, are there to get a signal.

    On a busy machine they begin some time after `docker start` has answered; what is sent to the
    process that sets the container up is lost.
    """
    end = time.monotonic() + _BEGIN
    with contextlib.suppress(docker.errors.APIError):  # it does not run
        least = 2 if client.api.inspect_container(name)["HostConfig"].get("Init") else 1
        while time.monotonic() < end:
            processes = [row[-1] for row in client.api.top(name)["Processes"]]
            if len(processes) >= least and not any(one.endswith(_SET_UP) for one in processes):
                return
            time.sleep(0.05)  # nothing tells when it begins


def kill(name, *, signal="KILL", client=None):
    """Send a signal to a container's main process, as `docker kill` does, and wait for its end.

    Args:
        name: The container's name in this workspace.
        signal: The signal's name, without SIG.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (int64).

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.
        TooSlow: The process went on for more than 60 s, as it may with signals but KILL.

    Source: Engine API `POST /containers/{id}/kill`.
    """
    client = client or engine.connect()
    options = ["--signal", signal] if signal != "KILL" else []
    with _own(name, "kill", options, client=client) as full:
        _hears(client, full)
        client.api.kill(full, signal)
        _wait(client, full)
        return _ended(client, full)


def wait(name, *, client=None):
    """Wait until a container has ended, as `docker wait` does.

    A restart policy may start it again; then this waits until Docker has given that up.

    Args:
        name: The container's name in this workspace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (int64).

    Raises:
        NoSuchContainer: There is no such container.
        TooSlow: It still ran after 60 s.

    Source: Engine API `POST /containers/{id}/wait`.
    """
    client = client or engine.connect()
    with _own(name, "wait", [], client=client) as full:
        _wait(client, full)
        return _ended(client, full)


def _wait(client, name):
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        try:
            client.api.wait(name, timeout=_LONGEST)
            if not client.api.inspect_container(name)["State"]["Running"]:
                return  # and it is not to be started again either: that counts as running
        except docker.errors.NotFound:  # it went away when it had ended
            return
        time.sleep(0.05)  # nothing tells when Docker has given up restarting it
    raise requests.Timeout(f"{name} still runs after {_LONGEST} s")


def events(name, *, client=None):
    """List what happened to a container since it was created, as `docker events` does.

    Args:
        name: The container's name in this workspace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row an event, oldest first: time (datetime64, UTC), action (str),
        exit_code (Int64, <NA> but for `die`). The Engine keeps the last 256 events or so, this
        kernel those of your own containers from its first one on.

    Raises:
        NoSuchContainer: There is no such container.

    Source: Engine API `GET /events`.
    """
    api = (client or engine.connect()).api
    with errors.explained(f"docker events --filter container={workspace.prefixed(name)}"):
        one = api.inspect_container(workspace.prefixed(name))
    short, state = one["Id"][:12], one["State"]
    only = f"container={short}"
    with shown(
        command.line("docker", "events", "--since", "1h", "--until", "0s", "--filter", only)
    ):
        now = api.info()["SystemTime"]
        until = pd.Timestamp(now).timestamp()
        found = list(api.events(until - 3600, f"{until:.9f}", {"container": short}, decode=True))
    every = diary.completed(found, one["Id"])
    codes = _exit_codes(every, pd.NA if state["Running"] else state["ExitCode"])
    rows = [
        (event["timeNano"], event["Action"], code) for event, code in zip(every, codes, strict=True)
    ]
    return tables.framed(rows, time="ns", action="str", exit_code="Int64")


def stats(name, *, samples=5, client=None):
    """Measure what a container uses, once a second, as `docker stats` does.

    Args:
        name: The container's name in this workspace.
        samples: How many times to measure.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a sample: seconds (int64), cpu_percent (float64, of one core),
        cpu_limit (float64, the same), memory (int64, bytes), memory_limit (int64, bytes).

    Raises:
        NoSuchContainer: There is no such container.
        NotRunning: The container has ended.

    Source: Engine API `GET /containers/{id}/stats`; its numbers are worked out as
    https://docs.docker.com/reference/api/engine/ (ContainerStats) tells.
    """
    client, rows = client or engine.connect(), []
    with _own(name, "stats", ["--no-stream"], client=client) as full:
        cores = client.api.inspect_container(full)["HostConfig"]["NanoCpus"] / 1e9
        measured = client.api.stats(full, stream=True, decode=True)
        next(measured)  # the first has nothing to compare with
        for second, sample in enumerate(itertools.islice(measured, samples), 1):
            if not sample["memory_stats"]:
                raise docker.errors.DockerException(f"{full} is not running")
            rows.append((second, *_use(sample, cores)))
        measured.close()
    columns = ["seconds", "cpu_percent", "cpu_limit", "memory", "memory_limit"]
    return pd.DataFrame(rows, columns=columns)


def _use(sample, cores):
    """Work out the use of processor and memory from a sample and the one before."""
    now, before = sample["cpu_stats"], sample["precpu_stats"]
    mine = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    every = now["system_cpu_usage"] - before["system_cpu_usage"]
    memory, count = sample["memory_stats"], now["online_cpus"]
    cache = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    percent = round(100 * mine / every * count, 1)
    return percent, 100 * (cores or count), memory["usage"] - cache, memory["limit"]


def start(name, *, client=None):
    """Start a container that has ended or was only created, as `docker start` does.

    Args:
        name: The container's name in this workspace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (int64).

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.

    Source: Engine API `POST /containers/{id}/start`.
    """
    client = client or engine.connect()
    with _own(name, "start", [], client=client) as full:
        started(client, full)
        return _ended(client, full)


def started(client, name):
    """Start a container, and give it its network back where the Engine has taken that away.

    Engine 29 does so when a start fails for a busy port: the next one works, without any port.

    Args:
        client: A `docker.DockerClient`.
        name: The container's full name.
    """
    client.api.start(name)
    one = client.api.inspect_container(name)
    usual = one["HostConfig"]["NetworkMode"] in ("default", "bridge")
    if usual and not one["NetworkSettings"]["Networks"]:
        with shown(command.line("docker", "network", "connect", "bridge", name)):
            client.api.connect_container_to_network(name, "bridge")


def rm(name, *, force=False, client=None):
    """Remove a container and its writable layer, as `docker rm` does.

    Args:
        name: The container's name in this workspace.
        force: Kill it first if it runs.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame like that of `ps`, with the containers that this workspace still has.

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.
        EngineError: It runs, and `force` is not set.

    Source: Engine API `DELETE /containers/{id}`.
    """
    client = client or engine.connect()
    with _own(name, "rm", ["-f"] if force else [], client=client) as full:
        client.api.remove_container(full, force=force)
        return _listed(client, {"label": [workspace.label()]})


def logs(name, *, client=None):
    """Read what a container's main process has printed, as `docker logs` does.

    Args:
        name: The container's name in this workspace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        Its output and its errors, as `Text`.

    Raises:
        NoSuchContainer: There is no such container.

    Source: Engine API `GET /containers/{id}/logs`.
    """
    client = client or engine.connect()
    with _own(name, "logs", [], client=client) as full:
        return Text(_log(client, full))


def ready(name, words, *, client=None):
    """Wait until a container has printed some words, such as that it is ready.

    Args:
        name: The container's name in this workspace.
        words: What to wait for, anywhere in its logs.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        Its logs so far, as `Text`.

    Raises:
        NoSuchContainer: There is no such container.
        TooSlow: It printed nothing for 60 s, or ended without these words.

    Source: Engine API `GET /containers/{id}/logs` (`follow=true`).
    """
    client, said = client or engine.connect(), ""
    with _own(name, "logs", ["-f"], client=client) as full:
        for piece in itertools.chain([b""], client.api.logs(full, stream=True, follow=True)):
            said += piece.decode(errors="replace")
            if words in said:
                return Text(said)
            said = said[-_BYTES:]
        client.api.inspect_container(full)  # where the Engine has gone, its words end, too
        raise errors.TooSlow(
            f"docker logs -f {full}", f"it has ended and never said {words!r}",
            f"Read what it said: containers.logs({name!r})",
        )  # fmt: skip


def exec_(name, arguments, *, client=None):
    """Run one more command in a container that runs, as `docker exec` does.

    Args:
        name: The container's name in this workspace.
        arguments: The command, as one types it after the container's name.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        What it printed, as `Output`, which has the `exit_code`.

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.
        TooSlow: The command still ran after 60 s; it goes on in the container.

    Source: Engine API `POST /containers/{id}/exec` and `POST /exec/{id}/start`.
    """
    client = client or engine.connect()
    with errors.explained(f"docker exec {workspace.prefixed(name)}"):
        words = _words(arguments)
    with _own(name, "exec", [], *words, client=client) as full:
        made = client.api.exec_create(full, words)
        stream = client.api.exec_start(made, socket=True)
        with _ending(stream, f"docker exec {full}"):
            printed = _end_of(piece for _, piece in frames_iter(stream, tty=False))
        return Output.of(printed, client.api.exec_inspect(made)["ExitCode"])


def cp(name, path, file, *, client=None):
    """Copy a file out of a container, running or not, as `docker cp` does.

    Args:
        name: The container's name in this workspace.
        path: The file's path in the container.
        file: The copy's name; it lies in the folder `files`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The copy's path from the current folder, as `Text`.

    Raises:
        NoSuchContainer: There is no such container.
        EngineError: There is no such file in it, or it is a folder.
        NameTaken: The container is not of this workspace.

    Source: Engine API `GET /containers/{id}/archive`.
    """
    client, place = client or engine.connect(), workspace.file(file)
    full = workspace.prefixed(name)
    line = command.line("docker", "cp", f"{full}:{path}", place.as_posix())
    with shown(line):
        workspace.check_container(client.api.inspect_container(full), line)
        with opened(full, path, client=client) as member:
            if member is None:
                raise errors.EngineError(line, f"there is no file {path} in it", "Check the path")
            images.write(place, iter(lambda: member.read(1 << 20), b""))
    return Text(place.as_posix())


@contextlib.contextmanager
def opened(name, path, *, client):
    """Open a file in a container, running or not, to read it.

    Args:
        name: The container's full name.
        path: The file's path in it.
        client: A `docker.DockerClient`.

    Yields:
        A binary file; `None` where there is no such file.
    """
    with tempfile.TemporaryFile() as packed:
        try:
            packed.writelines(client.api.get_archive(name, path)[0])
        except docker.errors.NotFound:
            yield None
            return
        packed.seek(0)
        with tarfile.open(fileobj=packed) as archive:
            first = archive.next()
            yield archive.extractfile(first) if first.isreg() else None


@contextlib.contextmanager
def _ending(stream, tried):
    """Shut a stream down that takes too long: docker-py waits for its end without a limit."""
    late = threading.Event()

    def shut():
        late.set()
        getattr(stream, "_sock", stream).shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_LONGEST, shut)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        getattr(stream, "_response", stream).close()  # else Python 3.13 complains on its end
    if late.is_set():
        wrong = f"the command still runs after {_LONGEST} s"
        raise errors.TooSlow(tried, wrong, "End it in the container, or stop the container")


def curl(name, path="/", *, port=80, client=None):
    """Fetch a page through a container's published port, as `curl` does.

    Args:
        name: The container's name in this workspace.
        path: The page's path.
        port: The port inside the container, an int.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The page, as `Text`.

    Raises:
        NoSuchContainer: The container is not there, or does not publish the port.
        TooSlow: Nothing answered within 10 s.
    """
    client, full = client or engine.connect(), workspace.prefixed(name)
    tried = f"fetch {path} from {full}"
    with errors.explained(tried):
        workspace.check_container(client.api.inspect_container(full), tried)
        address = published(full, port, client=client)
    if not address:
        raise errors.NoSuchContainer(
            tried,
            f"no such container runs and publishes port {port}",
            f"Run it with publish='8080:{port}'",
        )
    url = f"http://{address}/{path.removeprefix('/')}"
    with shown(command.line("curl", url)):
        end = time.monotonic() + 10
        while True:
            try:
                return Text(_end_of([distribution.get(url).content]))
            except requests.HTTPError as err:
                raise errors.EngineError(
                    f"curl {url}",
                    f"the web server answers {err.response.status_code}, as it has no such page",
                    f"Write one in the container, with containers.exec_, where {path} leads",
                ) from err
            except requests.ConnectionError:  # the process in the container is not that far yet
                if time.monotonic() > end:
                    raise requests.Timeout(f"nothing answers at {url}") from None
                time.sleep(0.05)
