"""Conditions that many exercises share: each function here makes one, of names within a workspace.

There `web` is the container `ada-web`. What stands in braces is filled in by `Snapshot.fill`.
"""

import contextlib
import functools
import inspect
import json
import re

import pandas as pd
import requests

from exercises.exercise import RESTART_HINT, Condition, Start, condition, met, not_yet
from exercises.snapshot import Snapshot
from helpers import containers, images, registry
from helpers._internal import connection, errors, identity
from helpers._internal.exit_codes import SIGNALS, ended_by

MARK = "EXERCISE"  # in the environment of a container that a task starts from: so it is known again
_FOREGROUND = (
    "A container lives as long as its main process. A service needs one that goes on, in the "
    "foreground of the container: `httpd -f`, not `httpd`."
)


def maker(goal, look=None):
    """Return a decorator: a judge of a snapshot and of words becomes a maker of conditions.

    In the goal, a parameter's name in capital letters stands for its value. What `look` finds for
    the first word, the judge gets first; there is nothing to judge as long as that is `None`.
    """

    def decorate(judge):
        @functools.wraps(judge)
        def make(*words, **options):
            names = list(inspect.signature(judge).parameters)[2 if look else 1 :]
            values = dict(zip(names, words, strict=False)) | options
            text = re.sub("|".join(names).upper(), lambda at: str(values[at[0].lower()]), goal)

            def check(snapshot):
                found = (look(snapshot, words[0]),) if look else ()
                return None if None in found else judge(*found, snapshot, *words, **options)

            return Condition(text, check)

        return make

    return decorate


def of_container(goal):
    """Return a decorator for a judge of a container, a snapshot, the container's name and more."""
    return maker(goal.replace("NAME", "`{me}-NAME`"), Snapshot.container)


def of_image(goal):
    """Return a decorator for a judge of a `Content`, a snapshot, the image's name and more."""
    return maker(goal, lambda snapshot, reference: snapshot.content(snapshot.fill(reference)))


def of_store(goal):
    """Return a decorator that makes a condition; it waits until your registry can be asked."""
    return lambda judge: Condition(
        goal, lambda snapshot: judge(snapshot) if has_store(snapshot) else None
    )


# Containers


def from_container(name, prepare):
    """Return the `Start` of a task that begins with a container, which must be the same later."""
    goal = f"`{{me}}-{name}` is the container that was there"
    other = not_yet("it is another of the same name", RESTART_HINT)

    def judge(snapshot):
        return other if (found := snapshot.container(name)) and not mark(found) else None

    is_same = Condition(goal, judge, precondition=True)
    return Start(prepare, lambda snapshot: snapshot.container(name), conditions=(is_same,))


def mark(container):
    """Return the value of a container's mark; `None` where it has none."""
    return dict(one.split("=", 1) for one in container["Config"]["Env"] or []).get(MARK)


@maker("a container `{me}-NAME` is there")
def exists(snapshot, name):
    """A container of this name is there."""
    if found := snapshot.container(name):
        own = (found["Config"]["Labels"] or {}).get(identity.LABEL) == snapshot.me
        return met("" if own else "`workspace.reset()` will leave it: no label says it is yours")
    if snapshot.moment.inspect(name):
        rename = f"Write the whole name; `docker rename {name} {{me}}-{name}`, if it is yours."
        return not_yet(f"there is one named `{name}`", rename)
    how = f'`name="{name}"`, in a terminal `--name {{me}}-{name}`, names it.'
    return not_yet("", "`containers.run`, or `docker run`, starts one.", how, started=False)


@of_container("NAME runs")
def runs(found, snapshot, name):
    """The container runs, and does not end again and again."""
    state, code = found["State"], found["State"]["ExitCode"]
    why = f"with exit code {code}: {ended_by(code)}"
    since = pd.Timestamp.now("UTC") - pd.Timestamp(state["StartedAt"])
    if state["Restarting"] or (found["RestartCount"] > 1 and since.total_seconds() < 10):
        return not_yet(f"it ends and starts again and again, {why}", _FOREGROUND, _logs(name))
    if state["Paused"]:
        return not_yet("it is paused", f"`docker unpause {{me}}-{name}` lets it go on.")
    if state["Running"]:
        return met()
    if state["Status"] == "created":
        return _never_started(name, state["Error"])
    hints = [_FOREGROUND, _logs(name)] if code == 0 else [_logs(name), _FOREGROUND]
    if code - 128 in SIGNALS:
        hints = [f'`containers.start("{name}")`, or `docker start {{me}}-{name}`, starts it.']
    return not_yet(f"it ended {why}", *hints)


def _logs(name):
    return f'What did it print? `containers.logs("{name}")`, or `docker logs {{me}}-{name}`.'


def _never_started(name, said):
    """Return why a container was created and does not run."""
    text, hint = f"does not run: {said}", f'`containers.start("{name}")` says why.'
    if re.search("already allocated|address already in use", said):
        text = "does not start: its port is taken"
        hint = "`containers.ps()` tells which container has which port. Make it anew with another."
    if re.search("executable file not found|no such file or directory", said):
        text = "does not start: the image does not have its command"
        hint = "The command stands after the image's name. Check how it is written."
    return not_yet(f"it was created, and {text.removesuffix(': ')}", hint)


@of_container("NAME has ended")
def ended(found, snapshot, name):
    """The container is still there and has ended."""
    status = found["State"]["Status"]
    if status == "created":
        return _never_started(name, found["State"]["Error"])
    if status == "exited":
        return met()
    stop = f'`containers.stop("{name}")`, or `docker stop {{me}}-{name}`.'
    asks = "`docker stop` asks its main process to end."
    return not_yet(f"it is {status}", asks, stop, started=status == "paused")


@of_container("NAME has ended, with exit code CODE")
def exited(found, snapshot, name, code):
    """The container is still there, has ended, and left this exit code."""
    result, left = ended(name).judge(snapshot), found["State"]["ExitCode"]
    if not result.holds or left == code:
        return result
    hints = ["Run it again, with a command that succeeds."]
    if code == 143:
        hints = ["`docker stop` sends SIGTERM, and only later SIGKILL; `docker kill` SIGKILL.",
                 "`sleep` as process 1 ignores SIGTERM, unless it has `init=True` (`--init`).",
                 RESTART_HINT]  # fmt: skip
    wanted = f"The exit code is to be {code}: {ended_by(code)}."
    return not_yet(f"exit code {left}: {ended_by(left)}", wanted, *hints)


@of_container("the command of NAME is `LINE`")
def has_command(found, snapshot, name, line):
    """The container's command is this line; by which path or shell it runs is the same."""
    words = " ".join([*(found["Config"]["Entrypoint"] or []), *(found["Config"]["Cmd"] or [])])
    if re.sub("^((/bin/)?sh -c )?(/bin/)?", "", words) == line:
        return met()
    anew = f"To try again: `docker rm -f {{me}}-{name}`. The command stands after the image's name."
    return not_yet(f"it is `{words[:60]}`", anew)


@of_container("the port PORT of NAME is published on 127.0.0.1")
def publishes(found, snapshot, name, port):
    """The container's port can be reached, from this machine only."""
    if found["State"]["Running"] and not found["NetworkSettings"]["Networks"]:
        give = f"`docker network connect bridge {{me}}-{name}` gives both back."
        return not_yet("it runs without a network, and so without a port", give)
    bound = _ports(found)
    places = bound.get(f"{port}/tcp") or []
    if places and all(place["HostIp"] == "127.0.0.1" for place in places):
        return met(address(found, port))
    make = (f"`-p 127.0.0.1:8081:{port}`, here `publish='8081:{port}'`. Ports are set when a "
            "container is made: make it anew.")  # fmt: skip
    if places:
        alone = "Without an address before it, `-p` opens a port to the whole network."
        return not_yet("it is open on every address of this machine", alone, make)
    inner = ", ".join(sorted(key for key in bound if bound[key])) or "none"
    last = "The number after the last colon is the port inside the container."
    return not_yet(f"published: {inner}", last, make)


def _ports(container):
    """Return which ports a container publishes, as the Engine writes it; `{}` for none."""
    wanted, opened = container["HostConfig"]["PortBindings"], container["NetworkSettings"]["Ports"]
    return (opened if container["State"]["Running"] else wanted) or {}


def address(container, port=80):
    """Return where a container's port can be reached, as `host:port`; `None` for nowhere."""
    places = _ports(container).get(f"{port}/tcp") or []
    return f"{places[0]['HostIp']}:{places[0]['HostPort']}" if places else None


def _fetch(container, snapshot):
    """Return status and page of a container's port 80; `None` as long as it can't be asked."""
    where = address(container) if container["State"]["Status"] == "running" else None
    return where and (snapshot.fetch(f"{where}/") or (0, ""))


@of_container("a web server answers there")
def answers(found, snapshot, name):
    """A web server answers at the container's published port 80, with whatever page."""
    if (fetched := _fetch(found, snapshot)) is None:
        return None
    listens = "Its main process listens on another port than 80, or is no web server."
    return met() if fetched[0] else not_yet("no answer", listens, _logs(name))


@of_container("the page of NAME says `TEXT`")
def serves(found, snapshot, name, text, before=None):
    """The container's page is this one, and was another one before anything was done."""
    if (fetched := _fetch(found, snapshot)) is None:
        return None
    status, page = fetched[0], fetched[1].strip()
    if page == text:
        return met()
    return not_yet(
        f"it says `{page[:60]}`" if status == 200 else "there is no page",
        "A web server shows the files of its folder, `/home` with `-h /home`. Write `index.html` "
        "there, with `docker exec`. The `>` must be the container's: `sh -c 'echo … > FILE'`.",
        started=page != before,
    )


@of_container("Docker starts NAME again, whatever its exit code")
def restarts(found, snapshot, name):
    """Docker starts the container again whenever its process ends."""
    policy = found["HostConfig"]["RestartPolicy"]["Name"] or "no"
    if policy in ("always", "unless-stopped"):
        return met(f"restart policy `{policy}`")
    rule = "`always` and `unless-stopped` bring it back whenever it ends; `on-failure` only after "
    change = f"`docker update --restart unless-stopped {{me}}-{name}` changes it."
    return not_yet(f"its restart policy is `{policy}`", f"{rule}an error.", change)


# Images


def forget(*references):
    """Take names of yours away, where they are there: what a task starts from is made anew."""
    for reference in references:
        with contextlib.suppress(errors.NotFound):
            images.rm(reference)


def make_image(name, words="true", **options):
    """Make an image of yours of what a command does in busybox; options as of `images.commit`."""
    forget(name)
    containers.run("busybox", words, name="maker")
    images.commit("maker", name, **options)
    containers.rm("maker")


@of_image("`REFERENCE` is the same image as `OTHER`")
def is_like(content, snapshot, reference, other, at_start=False):
    """The image is the same as another; it may be another one when the task starts."""
    if content == snapshot.content(other):
        return met()
    if not snapshot.image(other):
        return not_yet(f"`{other}` is not here", f'`images.pull("{other}")`', started=False)
    moves = "Two names of one image have one ID. Tagging again moves a name that is there."
    return not_yet("it is another image", moves, started=not at_start)


@maker("an image `REFERENCE` is there")
def named(snapshot, reference, how="docker tag", source=None):
    """An image here has this name; `how` gives it to an image, the `source`."""
    name = snapshot.fill(reference)
    (repository, _, tag), short = name.rpartition(":"), name.removeprefix(f"{snapshot.me}/")
    if snapshot.image(name):
        return met()
    if source and not snapshot.image(source):
        return not_yet(f"`{source}` is not here", f'`images.pull("{source}")`', started=False)
    if others := snapshot.tags(repository):
        hint = f"The tag is to be `{tag}`. Without a tag, docker takes `latest`."
        return not_yet(f"`{repository}` has the tags {', '.join(others)}", hint, started=not source)
    if snapshot.image(short):
        return not_yet(f"there is `{short}`", "Your namespace stands before the slash.")
    return not_yet("", f"`{how}` makes one; the lesson shows it above.", started=False)


@of_image("without a command, it runs `LINE`")
def runs_by_itself(content, snapshot, reference, line):
    """The image's own command (ENTRYPOINT and CMD) is this one."""
    words = line.split()
    if content.runs in (tuple(words), (f"/bin/{words[0]}", *words[1:]), ("/bin/sh", "-c", line)):
        return met()
    give = f"`-c 'CMD {json.dumps(words)}'`, here `change='CMD {json.dumps(words)}'`."
    if not content.runs:
        none = "A file system holds no settings. They can be given while importing, with `-c`."
        return not_yet("it has no CMD", none, give)
    quotes = "In brackets, each word of the command has double quotes of its own."
    return not_yet(f"its CMD is `{json.dumps(list(content.runs))}`", quotes, give)


@of_image("its one layer is the file system in `{files}/FILE`")
def imported(content, snapshot, reference, file):
    """The image is what `docker import` makes of the file: one layer, which is that file."""
    if not snapshot.file(file).is_file():
        return None
    if content.layers == (snapshot.digest(file),):
        return met()
    one = ("`docker import` makes one new layer of a file system; `commit`, `tag` and `load` keep "
           "the layers that there are.")  # fmt: skip
    return not_yet("it is not made of that file as it is now", one)


# The registry


def has_store(snapshot):
    """Return whether your registry can be asked."""
    return store_answers.judge(snapshot).holds


@condition("your registry answers", precondition=True)
def store_answers(snapshot):
    """Your registry runs and takes your password; nothing is said where it does."""
    return snapshot.once("store", lambda: _try_store(snapshot))


def _try_store(snapshot):
    start = "`store = registry.start()` starts it, and makes it where it is not there."
    if snapshot.store is None:
        return not_yet("there is none", start, started=False)
    state = snapshot.container("registry")["State"]
    if state["Status"] != "running":
        unpause = "`docker unpause {me}-registry`"
        return not_yet(f"it is {state['Status']}", unpause if state["Paused"] else start)
    try:
        snapshot.ask("")
    except (errors.LessonError, requests.RequestException):
        return not_yet("it gives no answer to the password in its file", start)
    return met()


STORE = Start(lambda me: registry.start(), lambda snapshot: snapshot.store, False, (store_answers,))


def push_hint(name):
    """Return the hint for an image that has its name here, and is not in your registry."""
    return f'Now push it: `images.push("{name}")`; in a terminal, log in before: `{{login}}`.'


@maker("your registry holds `{me}/REPOSITORY:TAG`, the same image as `LIKE`")
def stored(snapshot, repository, tag, like):
    """Your registry holds the repository of your namespace, with the tag, as this image."""
    if not has_store(snapshot):
        return None
    path = f"{snapshot.me}/{repository}"
    name, found = f"{snapshot.store}/{path}:{tag}", snapshot.stored(path, tag)
    if found and snapshot.content(like) in found[1]:
        return met()
    begins = f"Give the image a name that begins with your registry's address: `{name}`."
    hints, started = [begins, push_hint(name)], True
    if found:
        said = "it is another image"
    elif answer := snapshot.ask(f"{path}/tags/list"):
        said = f"it has the tags {', '.join(sorted(answer.json()['tags'] or []))}"
        hints = ["A tag goes to the registry with a push of its own.", begins]
    elif snapshot.stored(repository, tag):
        said = f"it has `{repository}:{tag}`"
        hints = [f"Without your namespace, `{snapshot.me}/`, it is another repository.", begins]
    elif snapshot.image(name):
        said, hints = "the image has its name here", hints[1:]
    elif snapshot.image(f"{path}:{tag}"):
        said = f"`{path}:{tag}` would go to Docker Hub"
    else:
        said, started = "", False
    return not_yet(said, *hints, started=started)


@of_store("you are logged in to `{store}`")
def logged_in(snapshot):
    """You are logged in to your registry, in this notebook or in a terminal."""
    address = snapshot.store.address
    here, other = connection.known_logins(address), address.replace("127.0.0.1", "localhost")
    for who in here:
        with contextlib.suppress(requests.HTTPError):
            snapshot.ask("", auth=(who["username"], who["password"]))
            return met(f"as `{who['username']}`")
    log_in = "`registry.login(registry.start())`; in a terminal `{login}`"
    if here:
        return not_yet("with a password that it does not take any more", f"Log in again: {log_in}")
    if connection.known_logins(other):
        two = "To Docker these are two registries: it keeps a password by the address as typed."
        return not_yet(f"you are logged in to `{other}`", two, log_in)
    means = "`docker login` wants the registry's address: without one it means Docker Hub."
    return not_yet("", means, log_in, started=False)


# Files


@maker("`{files}/FILE` holds the image `REFERENCE`, with its name")
def packed(snapshot, file, reference):
    """The file is an archive of `docker save` that holds this image with its name."""
    save = f"`docker save -o {{files}}/{file} {reference}` writes it."
    if not snapshot.file(file).is_file():
        write = "`docker save` writes an image to a file, and `-o` names the file."
        return not_yet("there is no such file", write, save, started=False)
    found = snapshot.archive(file)
    if found is None:
        by = "`docker export` writes a file system; an image is written by `docker save`."
        return not_yet("it is no whole archive of an image", by, save)
    if reference not in found:
        names = ", ".join(f"`{name}`" for name in found if name) or "no name"
        by = "An archive keeps the names by which an image was saved; saved by its ID, none."
        return not_yet(f"the image in it has {names}", by, save)
    same = found[reference] == snapshot.content(reference)
    return met() if same else not_yet("it is another image than the one here", save)
