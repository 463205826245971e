"""Lesson 3, containers: run, list, look into, stop, kill, remove.

Each verb raises `NotFound` where there is no such container, and `NotOwned` where another made it.
"""

import itertools
import time

import pandas as pd
import requests

import helpers._internal.command as lines
import helpers._internal.containers as inner
from helpers._internal import distribution, errors, files, identity, ports
from helpers._internal.command import shown
from helpers._internal.connection import connect
from helpers._internal.equivalents import with_command
from helpers._internal.identity import check_container, prefixed
from helpers._internal.names import suggestions
from helpers._internal.readable import Text
from helpers.engine import docker


def run(
    image,
    command=None,
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
):
    """Start a new container from an image, as `docker run` does.

    The container carries the workspace's label, and its name the workspace's prefix. Your own
    container of the same name makes room for the new one, so that a cell can be run again;
    docker itself would refuse.

    Args:
        image: The image's name; it is pulled if it is not here.
        command: The command to run in it, as one types it after the image's name, or a list of
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

    Returns:
        In the background a DataFrame like that of `ps`, with the container; else what the
        command printed, as `Output`, which has the `exit_code`.

    Raises:
        Timeout: It ran in the foreground for more than 60 s and was removed.

    Source: Engine API `POST /containers/create`, `/start`, `/wait`, `GET /containers/{id}/logs`.
    """
    with errors.translate_errors(f"docker run {image}"):
        distribution.parse(image)
        words, env = inner.split_command(command), dict(env or {})
        host_port, _ = ports.parse_publish(publish)
        name = name and prefixed(name)
        own = inner.own_ports(connect().api, name) if name and host_port else ()
    cpus = cpus and lines.number("cpus", cpus, 0, sample=0.5, whole=False)
    options = inner.Options(name, detach, rm, publish, env, restart, init, cpus, memory)
    removed = [lines.line("docker", "rm", "-f", name)] if name else []

    def start(port):
        words_of_run = [*options.words(port), image, *words]
        with suggestions(image), docker("run", *words_of_run, prepared=removed) as api:
            container = inner.create(api, image, words, options.arguments(api, port))
            if detach:
                inner.begin(api, container)
                return inner.table(api, {"id": [container]})
            return inner.finish(api, container, keep=not rm)

    return ports.on_free_port(host_port, start, own)


def ps(name=None, *, all=False, mine=True):
    """List containers, as `docker ps` does.

    Args:
        name: Only the container of this name in this workspace.
        all: Those that do not run, too.
        mine: Only those that carry the workspace's label.

    Returns:
        A DataFrame, a row a container, newest first: names (str), image (str), command (str),
        state (str), exit_code (Int64, <NA> while it has not ended), status (str), ports (str),
        created (datetime64, UTC), container_id (str, 12 digits).

    Source: Engine API `GET /containers/json`.
    """
    filters = {"label": identity.label()} if mine else {}
    filters = {"name": f"^{prefixed(name)}$"} if name else filters
    words = ["ps", *(["-a"] if all else [])]
    options = [word for key in filters for word in ("--filter", f"{key}={filters[key]}")]
    with docker(*words, *options) as api:
        frame = inner.table(api, filters, all=all)
    return with_command(
        frame, "docker", *words, asked=filters, filters={"state": "status"}
    )


def inspect(*names):
    """Return the state of containers, as `docker inspect` shows it.

    Args:
        names: The containers' names in this workspace.

    Returns:
        A DataFrame, a row a container: name (str), state (str), exit_code (int64, 0 until it
        ends), restarts (int64), oom_killed (bool), init (bool), restart_policy (str).

    Source: Engine API `GET /containers/{id}/json`.
    """
    full = [prefixed(name) for name in names]
    with docker("inspect", *full) as api:
        return inner.inspect(api, full)


def stop(name, *, grace=10):
    """Ask a container to end, and end it when it does not, as `docker stop` does.

    Args:
        name: The container's name in this workspace.
        grace: How long to wait between SIGTERM and SIGKILL, in whole seconds.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (Int64, <NA> where the
        container went away with its end), grace_used (bool, whether the whole grace time went by).

    Source: Engine API `POST /containers/{id}/stop`.
    """
    name, grace = prefixed(name), lines.number("grace", grace, 0, sample=10)
    with docker("stop", *(["-t", grace] if grace != 10 else []), name) as api:
        inner.check_running(api, name)
        begun = time.monotonic()
        api.stop(name, timeout=grace)
        late = time.monotonic() - begun >= grace
        ended = inner.state(api, name)
        # a busy Engine is late with the news of an end that came in time; SIGKILL gives 137
        return ended.assign(grace_used=late & (ended.exit_code.fillna(137) == 137).astype(bool))


def kill(name, *, signal="KILL"):
    """Send a signal to a container's main process, as `docker kill` does, and wait for its end.

    Args:
        name: The container's name in this workspace.
        signal: The signal's name, without SIG.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (Int64).

    Raises:
        Timeout: The process went on for more than 60 s, as it may with signals but KILL.

    Source: Engine API `POST /containers/{id}/kill`.
    """
    options = ["--signal", signal] if signal != "KILL" else []
    with docker("kill", *options, name := prefixed(name)) as api:
        inner.check_running(api, name)
        api.kill(name, signal)
        return inner.wait_for_end(api, name)


def wait(name):
    """Wait until a container ends, as `docker wait` does.

    A restart policy may start it again: this is one end of it.

    Args:
        name: The container's name in this workspace.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (Int64).

    Raises:
        Timeout: It still ran after 60 s.

    Source: Engine API `POST /containers/{id}/wait`.
    """
    with docker("wait", name := prefixed(name)) as api:
        check_container(api, name)
        code = api.wait(name, timeout=inner.RUN_TIMEOUT)["StatusCode"]
        return inner.state(api, name).assign(exit_code=pd.array([code], "Int64"))


def events(name):
    """List what happened to a container, as `docker events` does.

    Args:
        name: The container's name in this workspace.

    Returns:
        A DataFrame, a row an event, oldest first: time (datetime64, UTC), action (str),
        exit_code (Int64, <NA> but for `die`). The Engine keeps the last 256 events of all its
        containers together.

    Source: Engine API `GET /events`.
    """
    with errors.translate_errors(f"docker events --filter container={prefixed(name)}"):
        container = connect().api.inspect_container(prefixed(name))
    only = {"container": container["Id"][:12]}
    words = ["--since", "1h", "--until", "0s", "--filter", f"container={only['container']}"]
    with docker("events", *words) as api:
        now = pd.Timestamp(api.info()["SystemTime"]).timestamp()
        events = api.events(now - 3600, f"{now:.9f}", only, decode=True)
        return inner.events(events, container)


def stats(name):
    """Measure for a second what a container uses, as `docker stats --no-stream` does.

    Args:
        name: The container's name in this workspace.

    Returns:
        A DataFrame of one row: cpu_percent (float64, of one core), cpu_limit (float64, the same),
        memory (int64, bytes), memory_limit (int64, bytes).

    Raises:
        Conflict: The container has ended.

    Source: Engine API `GET /containers/{id}/stats`.
    """
    name = prefixed(name)
    with docker("stats", "--no-stream", name) as api:
        container = check_container(api, name)
        return inner.usage(api.stats(name, stream=True, decode=True), container)


def start(name):
    """Start a container that has ended or was only created, as `docker start` does.

    Args:
        name: The container's name in this workspace.

    Returns:
        A DataFrame of one row: name (str), state (str), exit_code (Int64).

    Source: Engine API `POST /containers/{id}/start`.
    """
    with docker("start", name := prefixed(name)) as api:
        check_container(api, name)
        api.start(name)
        return inner.state(api, name)


def rm(name, *, force=False):
    """Remove a container and its writable layer, as `docker rm` does.

    Args:
        name: The container's name in this workspace.
        force: Kill it first if it runs.

    Returns:
        A DataFrame like that of `ps`, with the containers that this workspace still has.

    Raises:
        Conflict: It runs, and `force` is not set.

    Source: Engine API `DELETE /containers/{id}`.
    """
    with docker("rm", "-f" if force else None, name := prefixed(name)) as api:
        check_container(api, name)
        api.remove_container(name, force=force)
        return inner.table(api, {"label": identity.label()})


def logs(name):
    """Return what a container's main process has printed, as `docker logs` does.

    Args:
        name: The container's name in this workspace.

    Returns:
        Its output and its errors, as `Text`; of very much the end.

    Source: Engine API `GET /containers/{id}/logs`.
    """
    with docker("logs", name := prefixed(name)) as api:
        check_container(api, name)
        return Text(inner.read_log(api, name))


def ready(name, words):
    """Wait until a container has printed some words, such as that it is ready.

    Args:
        name: The container's name in this workspace.
        words: What to wait for, anywhere in its logs.

    Returns:
        Its logs so far, as `Text`.

    Raises:
        Timeout: It printed nothing for 60 s, or ended without these words.

    Source: Engine API `GET /containers/{id}/logs` (`follow=true`).
    """
    name, said = prefixed(name), ""
    with docker("logs", "-f", name) as api:
        check_container(api, name)
        for piece in itertools.chain([b""], api.logs(name, stream=True, follow=True)):
            said += piece.decode(errors="replace")
            if words in said:
                return Text(said)
            said = said[-inner.MAX_OUTPUT :]
        api.inspect_container(name)  # where the Engine has gone, its words end, too
        raise errors.Timeout(
            "", f"it has ended and never said {words!r}",
            f"Read what it said: containers.logs({name!r})",
        )  # fmt: skip


def exec_(name, command):
    """Run one more command in a container that runs, as `docker exec` does.

    Args:
        name: The container's name in this workspace.
        command: The command, as one types it after the container's name.

    Returns:
        What it printed, as `Output`, which has the `exit_code`.

    Raises:
        Timeout: The command printed nothing for 60 s; it goes on in the container.

    Source: Engine API `POST /containers/{id}/exec` and `POST /exec/{id}/start`.
    """
    words = inner.split_command(command)
    with docker("exec", name := prefixed(name), *words) as api:
        check_container(api, name)
        exec_id = api.exec_create(name, words)["Id"]
        return inner.read_exec(api, exec_id)


def cp(name, path, file):
    """Copy a file out of a container, running or not, as `docker cp` does.

    Args:
        name: The container's name in this workspace.
        path: The file's path in the container.
        file: The copy's name; it lies in the folder `files`.

    Returns:
        The copy's path from the current folder, as `Text`.

    Source: Engine API `GET /containers/{id}/archive`.
    """
    name, copy = prefixed(name), identity.file(file)
    with docker("cp", f"{name}:{path}", copy.as_posix()) as api:
        check_container(api, name)
        with inner.open_file(api, name, path) as member:
            if member is None:
                raise errors.LessonError("", f"there is no file {path} in it", "Check the path")
            files.write(copy, iter(lambda: member.read(1 << 20), b""))
    return Text(copy.as_posix())


def curl(name, path="/", *, port=80):
    """Fetch a page through a container's published port, as `curl` does.

    Args:
        name: The container's name in this workspace.
        path: The page's path.
        port: The port inside the container, an int.

    Returns:
        The page, as `Text`.
    """
    name = prefixed(name)
    with errors.translate_errors(f"fetch {path} from {name}"):
        check_container(connect().api, name)
        address = inner.published(connect().api, name, port)
        if not address:
            raise errors.NotFound(
                "", f"no such container runs and publishes port {port}",
                f"Run it with publish='8080:{port}'",
            )  # fmt: skip
    url = f"http://{address}/{path.removeprefix('/')}"
    with shown(lines.line("curl", url)):
        return Text(_page(url))


def _page(url):
    """Fetch a page; the process in the container may not be that far yet."""
    end = time.monotonic() + 10
    while True:
        try:
            return inner.read_output([distribution.get(url).content])
        except requests.HTTPError as err:
            raise errors.LessonError(
                "", f"the web server answers {err.response.status_code}, as it has no such page",
                "Write one in the container, with containers.exec_",
            ) from err
        except requests.ConnectionError:
            if time.monotonic() > end:
                raise requests.Timeout(f"nothing answers at {url}") from None
            time.sleep(0.05)
