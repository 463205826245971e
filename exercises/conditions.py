"""Conditions that many exercises share. Each maker gives a function of a `World`.

Names of containers, images and files are those within the workspace: `web` is `ada-web`.
"""

import contextlib
import inspect
import json
import re

import pandas as pd
import requests

from exercises.frame import OVER, absent, no, yes
from helpers import images, registry
from helpers._internal import errors, readable

_ENDS = {
    0: "its main process was done",
    125: "docker itself failed",
    126: "its command can't be run",
    127: "its command was not found",
}
SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV",
           14: "SIGALRM", 15: "SIGTERM"}  # Linux's, as in every container  # fmt: skip
_LOGS = 'What did it print? `containers.logs("{short}")`, or `docker logs {full}`.'


def ended_by(code):
    """Say what an exit code tells."""
    if code in _ENDS:
        return _ENDS[code]
    if code - 128 in SIGNALS:
        return f"{SIGNALS[code - 128]} ended it"
    return "its command failed"


# Containers


def exists(name):
    """A container of this name is there."""

    def condition(world):
        full = world.full(name)
        one = world.container(full)
        if one:
            mine = (one["Config"]["Labels"] or {}).get("lesson") == world.me
            return yes(f"a container named `{full}` exists" + ("" if mine else _UNLABELLED))
        if world.container(name):
            return no(
                f"there is no container named `{full}`",
                f"There is one named `{name}`. In a terminal, write the whole name: `{full}`.",
                f"`docker rename {name} {full}`, if it is yours.",
            )
        return absent(
            f"there is no container named `{full}`",
            "Start one with `containers.run`, or `docker run`.",
            f'Its name goes in as `name="{name}"`, in a terminal as `--name {full}`.',
        )

    return condition


_UNLABELLED = " (without `--label lesson=…`, so `workspace.reset()` will leave it)"


def runs(name):
    """The container runs, and does not end again and again."""

    def condition(world):
        full = world.full(name)
        if not (one := world.container(full)):
            return None
        state, code = one["State"], one["State"]["ExitCode"]
        logs = _LOGS.format(short=name, full=full)
        ended = f"exit code {code}: {ended_by(code)}"
        if state["Restarting"] or (one["RestartCount"] and _seconds(state["StartedAt"]) < 10):
            return no(
                f"it ends and starts again and again, with {ended}",
                "Its main process must go on, in the foreground of the container: `httpd -f`, "
                "not `httpd`.",
                logs,
            )
        if state["Paused"]:
            return no("it is paused", f"`docker unpause {full}` lets it go on.")
        if state["Running"]:
            return yes("it runs")
        if state["Status"] == "created":
            return _never_started(name, state["Error"])
        if state["Status"] != "exited":
            return no(f"it is {state['Status']}", f"`docker rm -f {full}`, and make it anew.")
        start = f'`containers.start("{name}")`, or `docker start {full}`, starts it again.'
        seconds = max(int(_seconds(state["FinishedAt"])), 0)
        ago = readable.age(pd.Timestamp(0, tz="UTC"), pd.Timestamp(seconds, unit="s", tz="UTC"))
        stays = (
            "A container lives as long as its main process. A service needs one that goes on, in "
            "the foreground of the container: `httpd -f`, not `httpd`."
        )
        hints = (start,) if code - 128 in SIGNALS else (stays, logs) if code == 0 else (logs, stays)
        return no(f"it ended with {ended} ({ago})", *hints)

    return condition


def _seconds(when):
    """Tell how long ago a time of the Engine's was."""
    return (pd.Timestamp.now("UTC") - pd.Timestamp(when)).total_seconds()


def _never_started(name, said):
    """Say why a container was created and does not run."""
    if re.search("already allocated|address already in use", said):
        return no(
            "it was created, and does not start: its port is taken",
            "`containers.ps()`, or `docker ps`, tells which container has which port.",
            "Make it anew with another port before the colon, as in `-p 127.0.0.1:8082:80`.",
        )
    if re.search("executable file not found|no such file or directory", said):
        return no(
            "it was created, and does not start: the image does not have its command",
            "The command stands after the image's name. Check how it is written.",
        )
    return no(
        "it was created, and does not run" + (f": {said}" if said else ""),
        f'`containers.start("{name}")`, and read what Docker says.',
    )


def exited(name, code):
    """The container is still there, has ended, and left this exit code."""

    def condition(world):
        full = world.full(name)
        if not (one := world.container(full)):
            return None
        state = one["State"]
        if state["Status"] == "created":
            return _never_started(name, state["Error"])
        if state["Status"] != "exited":
            return (no if state["Paused"] else absent)(
                f"`{full}` has not ended, it is {state['Status']}",
                "`docker stop` asks its main process to end.",
                f'`containers.stop("{name}")`, or `docker stop {full}`.',
            )
        found = f"it ended with exit code {state['ExitCode']}: {ended_by(state['ExitCode'])}"
        if state["ExitCode"] == code:
            return yes(found)
        return no(found, f"The exit code is to be {code}: {ended_by(code)}.", *_other(code, one))

    return condition


def _other(wanted, container):
    """Say how to get another exit code."""
    if wanted == 143 and not container["HostConfig"].get("Init"):
        yield "`sleep` as process 1 ignores SIGTERM. Make it anew with `init=True` (`--init`)."
    if wanted in (137, 143):
        yield "`docker kill` sends SIGKILL; `docker stop` sends SIGTERM, and only later SIGKILL."
        yield OVER
    else:
        yield "Run it again, with a command that succeeds."


def publishes(name, port):
    """The container's port can be reached, from this machine only."""

    def condition(world):
        if not (one := world.container(world.full(name))):
            return None
        if one["State"]["Running"] and not one["NetworkSettings"]["Networks"]:
            return no(
                "it runs without a network, and so without a port",
                "Some Engines take it away when a start fails for a busy port.",
                f"`docker network connect bridge {world.full(name)}` gives both back.",
            )
        bound = ports(one)
        places = bound.get(f"{port}/tcp") or []
        flag = f"`-p 127.0.0.1:8081:{port}`, here `publish='8081:{port}'`"
        if not places:
            inner = ", ".join(sorted(key for key in bound if bound[key])) or "none"
            return no(
                f"it does not publish its port {port} (published: {inner})",
                "The number after the last colon is the port inside the container.",
                f"{flag}. Ports are set when a container is made: make it anew.",
            )
        if any(place["HostIp"] != "127.0.0.1" for place in places):
            return no(
                f"its port {port} is open on every address of this machine",
                "Without an address before it, `-p` opens a port to the whole network.",
                f"{flag}. Ports are set when a container is made: make it anew.",
            )
        where = ", ".join(f"{place['HostIp']}:{place['HostPort']}" for place in places)
        return yes(f"{where} leads to its port {port}")

    return condition


def ports(container):
    """Tell which ports a container publishes, as the Engine writes it; `{}` for none."""
    wanted = container["HostConfig"]["PortBindings"]
    opened = container["NetworkSettings"]["Ports"]
    return (opened if container["State"]["Running"] else wanted) or {}


def address(container, port=80):
    """Tell where a container's port is published, as `host:port`; `None` for nowhere."""
    places = ports(container).get(f"{port}/tcp") or []
    return f"{places[0]['HostIp']}:{places[0]['HostPort']}" if places else None


def answers(name, port=80):
    """A web server answers at the container's published port, with whatever page."""

    def condition(world):
        one = world.container(world.full(name))
        if not (one and one["State"]["Running"] and not one["State"]["Paused"] and address(one)):
            return None
        if world.status(f"http://{address(one, port)}/"):
            return yes("a web server answers there")
        return no(
            "no web server answers there",
            f"Its main process listens on another port than {port}, or is no web server.",
            _LOGS.format(short=name, full=world.full(name)),
        )

    return condition


def serves(name, text, *, before=None, port=80):
    """The container's page, through its published port, says exactly this.

    Args:
        name: The container's name.
        text: What the page is to say.
        before: What it says as long as nothing has been done.
        port: The port inside the container.
    """

    def condition(world):
        one = world.container(world.full(name))
        if not (one and one["State"]["Running"] and not one["State"]["Paused"]):
            return None
        hints = (
            "A web server shows the files of its folder, `/home` with `-h /home`. Write "
            "`index.html` there, with `docker exec`. The `>` must be the container's: "
            "`sh -c 'echo … > FILE'`.",
            f'`containers.exec_("{name}", "sh -c \'echo {text} > /home/index.html\'")`',
        )
        if not (where := address(one, port)):
            return no(f"its port {port} can't be reached", "Make it anew, with its port published.")
        page = world.page(where)
        if page is None:
            return no(f"no page is at http://{where}/", *hints)
        if page.strip() != text:
            said = f"the page says `{page.strip()[:60]}`, not `{text}`"
            return (absent if page.strip() == before else no)(said, *hints)
        return yes(f"the page at http://{where}/ says `{text}`")

    return condition


def restarts(name, *policies):
    """Docker starts the container again, by one of these policies."""

    def condition(world):
        if not (one := world.container(world.full(name))):
            return None
        policy = one["HostConfig"]["RestartPolicy"]["Name"] or "no"
        if policy in policies:
            return yes(f"its restart policy is `{policy}`")
        return no(
            f"its restart policy is `{policy}`",
            f"One of these brings it back: {', '.join(f'`{one}`' for one in policies)}.",
            f'`restart="{policies[0]}"`, in a terminal `--restart {policies[0]}`, when it is made; '
            f"or `docker update --restart {policies[0]} {world.full(name)}`.",
        )

    return condition


# Images


def forget(*references):
    """Take names of yours away, where they are there: what a task starts from is made anew."""
    for reference in references:
        with contextlib.suppress(errors.NotFound):
            images.rm(reference)


def named(reference, *, like=None, how="docker tag", begun=True):
    """An image here has this name in the workspace; it is the same image as another.

    Args:
        reference: The name, with `{me}` for the workspace's.
        like: Another name of the image.
        how: The docker command that gives an image this name.
        begun: Whether other tags of its repository tell that something has been done.
    """

    def condition(world):
        name = reference.format(me=world.me)
        if (one := world.content(name)) is None:
            repository, _, tag = name.rpartition(":")
            short = name.removeprefix(f"{world.me}/")
            if others := world.tags(repository):
                return (no if begun else absent)(
                    f"there is no image `{name}`; `{repository}` has the tags {', '.join(others)}",
                    f"The tag is to be `{tag}`. Without a tag, docker takes `latest`.",
                    f"`docker tag {like or f'{repository}:{others[0]}'} {name}`",
                )
            if world.image(short):
                return no(
                    f"there is no image `{name}`, but one named `{short}`",
                    "Your namespace stands before the slash.",
                    f"`docker tag {short} {name}`",
                )
            return absent(
                f"there is no image `{name}`",
                f"`{how}` makes one; the lesson shows it above.",
                "Is it there under another name? `images.ls()`, or `docker images`, lists all.",
            )
        if like and world.content(like) is None:
            return _not_here(like)
        if like and one != world.content(like):
            return no(
                f"`{name}` is another image than `{like}`",
                "Two names of one image have one ID: compare them with `images.inspect`.",
                f"`docker tag {like} {name}` moves the name.",
            )
        return yes(f"`{name}` is there" + (f", the same image as `{like}`" if like else ""))

    return condition


def _not_here(reference):
    return no(f"`{reference}` is not here to compare with", f'`images.pull("{reference}")`')


def runs_by_itself(reference, *words):
    """The image's own command (ENTRYPOINT and CMD) is this one."""

    def condition(world):
        name = reference.format(me=world.me, store=world.store)
        if (one := world.content(name)) is None:
            return None
        wanted = json.dumps(list(words))
        path = (f"/bin/{words[0]}", *words[1:])
        if one.runs in (words, path, ("/bin/sh", "-c", " ".join(words))):
            return yes(f"without a command, it runs `{' '.join(words)}`")
        give = f"`change='CMD {wanted}'`, in a terminal `-c 'CMD {wanted}'`."
        if not one.runs:
            return no(
                "without a command it runs nothing: it has no CMD",
                "A file system holds no settings. They can be given while importing, with `-c`.",
                give,
            )
        return no(
            f"its CMD is `{json.dumps(list(one.runs))}`",
            "In brackets, each word of the command has double quotes of its own.",
            give,
        )

    return condition


def imported(reference, file):
    """The image is what `docker import` makes of the file: one layer, which is that file."""

    def condition(world):
        name = reference.format(me=world.me, store=world.store)
        if (one := world.content(name)) is None or not world.file(file).is_file():
            return None
        if one.layers == (world.digest(file),):
            return yes(f"its one layer is the file system in `{world.file(file).as_posix()}`")
        return no(
            f"it is not made of `{world.file(file).as_posix()}` as it is now",
            "`docker import` makes one new layer of a file system; `commit`, `tag` and `load` "
            "keep the layers that there are.",
            f'`images.import_("{file}", "{name}")`, with `change=…` for its CMD.',
        )

    return condition


# The registry


def make_store(me):
    """Start your registry, as what a task starts from."""
    registry.start()


def store_is_made(world):
    """Tell whether your registry is there, running or not."""
    return world.store is not None


def store_answers(world):
    """Your registry runs and takes your password; nothing is said where it does."""
    start = "`store = registry.start()` starts it, and makes it where it is not there."
    if world.store is None:
        return absent("there is no registry of yours", start)
    one = world.container(world.full("registry"))
    if one["State"]["Paused"]:
        return no("your registry is paused", f"`docker unpause {world.full('registry')}`")
    if not one["State"]["Running"]:
        return no(f"your registry does not run, it is {one['State']['Status']}", start)
    return world.once("store answers", lambda: _try_store(world, start))


def _try_store(world, start):
    try:
        world.asked("")
    except errors.LessonError as err:
        return no("your registry's password can't be read", str(err))
    except requests.HTTPError:
        path = world.file("registry-password").as_posix()
        return no(f"your registry does not take the password in `{path}`", start)
    except requests.RequestException:
        return no("your registry gives no answer", start)
    if world.status(f"http://{world.store}/v2/") == 200:
        return no(
            "your registry lets everybody in", "`containers.rm('registry', force=True)`", start
        )
    return None


def has_store(world):
    """Tell whether your registry can be asked."""
    return world.store is not None and store_answers(world) is None


def stored(repository, tag, *, like):
    """Your registry holds the repository of your namespace, with the tag, as this image."""

    def condition(world):
        if not has_store(world):
            return None
        path = f"{world.me}/{repository}"
        name = f"{world.store}/{path}:{tag}"
        found = world.stored(path, tag)
        if found is None:
            return _not_stored(world, path, tag, name)
        wanted = like.format(me=world.me, store=world.store)
        if world.content(wanted) is None:
            return _not_here(wanted)
        if world.content(wanted) not in found[1]:
            return no(
                f"`{path}:{tag}` in your registry is another image than `{wanted}`",
                f"`docker tag {wanted} {name}`, then push it again.",
            )
        return yes(f"your registry holds `{path}:{tag}`, the same image as `{wanted}`")

    return condition


def _not_stored(world, path, tag, name):
    """Say how far one is with a push."""
    answer = world.asked(f"{path}/tags/list")
    others = ", ".join(sorted(answer.json()["tags"] or [])) if answer else ""
    if others:
        return no(
            f"your registry has `{path}`, with the tags {others}, but not `{tag}`",
            f"A tag goes to the registry with a push of its own: `{name}`.",
            f'`registry.tag(IMAGE, "{name}")`, then `images.push("{name}")`.',
        )
    text = f"your registry has no `{path}:{tag}`"
    short = path.removeprefix(f"{world.me}/")
    if world.stored(short, tag):
        return no(
            f"{text}, but it has `{short}:{tag}`",
            f"Without your namespace, `{world.me}/`, it is another repository.",
            f"`docker tag {world.store}/{short}:{tag} {name}`, then push that.",
        )
    if world.image(name):
        return no(
            text,
            "The image has its name here; now push it.",
            f'`images.push("{name}")`, or `docker push {name}`. If it is denied, log in first.',
        )
    if world.image(f"{path}:{tag}"):
        return no(
            text,
            f"`{path}:{tag}` would go to Docker Hub. A name that begins with your registry's "
            "address goes to your registry.",
            f"`docker tag {path}:{tag} {name}`, then push that.",
        )
    return absent(
        text,
        "A push goes where the name says: first give the image a name that begins with your "
        f"registry's address, `{world.store}`.",
        f'`registry.tag(IMAGE, "{name}")`, then `images.push("{name}")`.',
    )


def logged_in(world):
    """You are logged in to your registry, in this notebook or in a terminal."""
    if not has_store(world):
        return None
    if not (known := world.logins()):
        other = world.store.address.replace("127.0.0.1", "localhost")
        if world.logins(other):
            return no(
                f"you are logged in to `{other}`, but not to `{world.store}`",
                "To Docker these are two registries: it keeps a password by the address as typed.",
                "`registry.login(registry.start())` shows the line for a terminal.",
            )
        return absent(
            f"you are not logged in to `{world.store}`",
            "`docker login` wants the registry's address: without one it means Docker Hub.",
            "`store = registry.start()`, then `registry.login(store)`.",
        )
    for who in known:
        with contextlib.suppress(requests.HTTPError):
            world.asked("", auth=who)
            return yes(f"you are logged in to `{world.store}` as `{who[0]}`")
    return no(
        f"you logged in to `{world.store}` with a password that it does not take any more",
        "It was given a new one. Log in again: `registry.login(registry.start())`.",
    )


# Files and answers


def packed(file, image):
    """The file is an archive of `docker save` that holds this image with its name."""

    def condition(world):
        path, reference = world.file(file).as_posix(), world.fill(image)
        if not world.file(file).is_file():
            return absent(
                f"there is no file `{path}`",
                "`docker save` writes an image to a file, and `-o` names the file.",
                f'`images.save("{reference}", "{file}")`, or `docker save -o {path} {reference}`.',
            )
        try:
            found = world.archive(file)
        except errors.InvalidArchive:
            return no(
                f"`{path}` is no whole archive of an image",
                "`docker export` writes a file system; an image is written by `docker save`.",
                f'`images.save("{reference}", "{file}")`',
            )
        if reference not in found:
            names = ", ".join(f"`{name}`" for name in found if name) or "no name"
            return no(
                f"the image in `{path}` has {names}, not `{reference}`",
                "An archive keeps the names by which an image was saved; saved by its ID, it has "
                "none.",
                f'`images.save("{reference}", "{file}")`',
            )
        if world.content(reference) is None:
            return _not_here(reference)
        if found[reference] != world.content(reference):
            return no(
                f"`{reference}` in `{path}` is another image than the one here",
                "Save it again: the file is a copy of what was there then.",
            )
        return yes(f"`{path}` holds `{reference}`")

    return condition


def answered(judge, *hints):
    """An answer was given, and the judge, a function of the world and it, finds it right.

    Args:
        judge: Gets the world and the answers, each a str, and returns a finding.
        hints: How to find the answer.
    """

    def condition(world):
        if not world.answer:
            return absent(
                "no answer was given",
                *hints,
                "Put what you have found between the brackets of `check(…)`.",
            )
        try:
            inspect.signature(judge).bind(world, *world.answer)
        except TypeError:
            return no("these are too many answers", "The task says what goes into `check(…)`.")
        return judge(world, *world.answer)

    return condition
