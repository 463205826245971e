"""Conditions that many exercises share. Each maker gives a function of a `World`.

Names of containers, images and files are those within the workspace: `web` is `ada-web`.
"""

import inspect
import signal

import pandas as pd
import requests

from helpers import errors, readable
from helpers.exercises.frame import absent, no, yes

_ENDS = {
    0: "its main process was done",
    125: "docker itself failed",
    126: "its command can't be run",
    127: "its command was not found",
}
_LOGS = 'What did it print? `containers.logs("{short}")`, or `docker logs {full}`.'


def ended_by(code):
    """Say what an exit code tells."""
    if code in _ENDS:
        return _ENDS[code]
    if code > 128 and code - 128 in set(signal.Signals):
        return f"{signal.Signals(code - 128).name} ended it"
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


_UNLABELLED = " (without the label `lesson`, so `workspace.reset()` will leave it)"


def runs(name):
    """The container runs, and does not end again and again."""

    def condition(world):
        full = world.full(name)
        if not (one := world.container(full)):
            return None
        state, code = one["State"], one["State"]["ExitCode"]
        logs = _LOGS.format(short=name, full=full)
        if state["Restarting"]:
            return no(
                f"it ends and starts again and again, with exit code {code}: {ended_by(code)}",
                logs, "Its main process must go on: check the command.",
            )  # fmt: skip
        if state["Paused"]:
            return no("it is paused", f"`docker unpause {full}` lets it go on.")
        if state["Running"]:
            return yes("it runs")
        if one["State"]["Status"] == "created":
            why = f": {state['Error']}" if state["Error"] else ""
            return no(
                f"it was created, and does not run{why}",
                f'Start it, `containers.start("{name}")`, and read what Docker says.',
                "A port that is taken, or a command that the image does not have, keeps a "
                "container from starting.",
            )
        ago = readable.age(pd.Timestamp(state["FinishedAt"]), pd.Timestamp.now("UTC"))
        return no(
            f"it ended with exit code {code}, {ago}: {ended_by(code)}",
            logs,
            "A container lives as long as its main process. A service needs one that goes on, "
            "in the foreground of the container: `httpd -f`, not `httpd`.",
        )

    return condition


def exited(name, *codes):
    """The container is still there, has ended, and left one of these exit codes."""

    def condition(world):
        full = world.full(name)
        if not (one := world.container(full)):
            return None
        state, wanted = one["State"], " or ".join(map(str, codes))
        if state["Status"] != "exited":
            return absent(
                f"`{full}` has not ended, it is {state['Status']}",
                "`docker stop` asks its main process to end.",
                f'`containers.stop("{name}")`, or `docker stop {full}`.',
            )
        found = f"it ended with exit code {state['ExitCode']}: {ended_by(state['ExitCode'])}"
        if state["ExitCode"] in codes:
            return yes(found)
        return no(
            found,
            f"The exit code is to be {wanted}: {ended_by(codes[0])}.",
            "`docker kill` sends SIGKILL, `docker stop` sends SIGTERM first. Make it anew, and "
            "end it in the other way.",
        )

    return condition


def publishes(name, port):
    """The container's port can be reached, from this machine only."""

    def condition(world):
        if not (one := world.container(world.full(name))):
            return None
        bound = one["HostConfig"]["PortBindings"] or {}
        places = bound.get(f"{port}/tcp") or []
        flag = f"`-p 127.0.0.1:8081:{port}`, here `publish='8081:{port}'`"
        if not places:
            inner = ", ".join(sorted(bound)) or "none"
            return no(
                f"it does not publish its port {port} (published: {inner})",
                "The number after the last colon is the port inside the container.",
                f"{flag}. Ports are set when a container is made: make it anew.",
            )
        if any(place["HostIp"] not in ("127.0.0.1", "::1") for place in places):
            return no(
                f"its port {port} is open on every address of this machine",
                "Without an address before it, `-p` opens a port to the whole network.",
                f"{flag}. Ports are set when a container is made: make it anew.",
            )
        where = ", ".join(f"{place['HostIp']}:{place['HostPort']}" for place in places)
        return yes(f"{where} leads to its port {port}")

    return condition


def serves(name, text, *, port=80):
    """The container's page, through its published port, says exactly this."""

    def condition(world):
        one = world.container(world.full(name))
        if not (one and one["State"]["Running"]):
            return None
        places = (one["NetworkSettings"]["Ports"] or {}).get(f"{port}/tcp")
        if not places:
            return None
        address = f"{places[0]['HostIp']}:{places[0]['HostPort']}"
        page = world.page(address)
        hints = (
            f"`docker exec {world.full(name)} COMMAND` runs a command in it; where does its web "
            "server look for pages?",
            f'`containers.exec_("{name}", "sh -c \'echo {text} > /home/index.html\'")` writes '
            "a page, if the server was started with `-h /home`.",
        )
        if page is None:
            return no(f"no page is at http://{address}/", *hints)
        if page.strip() != text:
            return absent(f"the page says `{page.strip()[:60]}`, not `{text}`", *hints)
        return yes(f"the page at http://{address}/ says `{text}`")

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


def named(reference, *, like=None, how="docker tag"):
    """An image here has this name in the workspace; it is the same image as another.

    Args:
        reference: The name, with `{me}` for the workspace's.
        like: Another name of the image.
        how: The docker command that gives an image this name.
    """

    def condition(world):
        name = reference.format(me=world.me)
        if (one := world.content(name)) is None:
            repository, _, tag = name.rpartition(":")
            short = name.removeprefix(f"{world.me}/")
            if others := world.tags(repository):
                return no(
                    f"there is no image `{name}`; `{repository}` has the tags {', '.join(others)}",
                    f"The tag is to be `{tag}`. Without a tag, docker takes `latest`.",
                    f"`docker tag {repository}:{others[0]} {name}`, if that is the right image.",
                )
            if world.image(short):
                return no(
                    f"there is no image `{name}`, but one named `{short}`",
                    "Your namespace stands before the slash.",
                    f"`docker tag {short} {name}`",
                )
            return absent(
                f"there is no image `{name}`",
                "`images.ls()`, or `docker images`, lists the names that there are.",
                f"`{how}` makes one. The lesson shows it above.",
            )
        if like and one != world.content(like):
            return no(
                f"`{name}` is another image than `{like}`",
                "Two names of one image have one ID: compare them with `images.inspect`.",
                f"`docker tag {like} {name}` moves the name.",
            )
        return yes(f"`{name}` is there" + (f", the same image as `{like}`" if like else ""))

    return condition


def runs_by_itself(reference, *words):
    """The image's own command (ENTRYPOINT and CMD) is this one."""

    def condition(world):
        name = reference.format(me=world.me, store=world.store)
        if (one := world.content(name)) is None:
            return None
        wanted = str(list(words)).replace("'", '"')
        if one.runs in (words, ("/bin/sh", "-c", " ".join(words))):
            return yes(f"without a command, it runs `{' '.join(words)}`")
        found = f"`{' '.join(one.runs)}`" if one.runs else "nothing: it has no CMD"
        return no(
            f"without a command, it runs {found}",
            "A file system holds no settings. They can be given while importing, with `-c`.",
            f"`change='CMD {wanted}'`, in a terminal `-c 'CMD {wanted}'`.",
        )

    return condition


def imported(reference):
    """The image was made of one file system: it shares no layer with busybox."""

    def condition(world):
        name = reference.format(me=world.me, store=world.store)
        if (one := world.content(name)) is None:
            return None
        base = world.content("busybox")
        if len(one.layers) == 1 and not (base and set(base.layers) & set(one.layers)):
            return yes("it has one layer, its own")
        return no(
            f"it has {len(one.layers)} layer(s), of other images too: it was not imported",
            "`docker import` makes one new layer of a file system; `commit`, `tag` and `load` "
            "keep the layers that there are.",
            "`images.import_(FILE, NAME)`, or `docker import FILE NAME`.",
        )

    return condition


# The registry


def store_answers(world):
    """Your registry runs and knows this notebook's password; nothing is said where it does."""
    start = "`store = registry.start()` starts it, and makes it where it is not there."
    if world.store is None:
        return absent("there is no registry of yours", start)
    one = world.container(world.full("registry"))
    if not one["State"]["Running"]:
        return no(f"your registry does not run, it is {one['State']['Status']}", start)
    try:
        world.asked("")
    except requests.HTTPError:
        return no("your registry has a password of another notebook", start)
    except requests.RequestException:
        return no("your registry gives no answer", start)
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
        if found[1] != world.content(wanted):
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
    if (who := world.login()) is None:
        return absent(
            f"you are not logged in to `{world.store}`",
            "`docker login` wants the registry's address: without one it means Docker Hub. "
            "`localhost` and `127.0.0.1` are two registries to it.",
            "`store = registry.start()`, then `registry.login(store)`.",
        )
    try:
        world.asked("", auth=who)
    except requests.HTTPError:
        return no(
            f"you logged in to `{world.store}` with a password that it does not take any more",
            "It was given a new one. Log in again: `registry.login(registry.start())`.",
        )
    return yes(f"you are logged in to `{world.store}` as `{who[0]}`")


# Files and answers


def packed(file, reference):
    """The file is an archive of `docker save` that holds this image with its name."""

    def condition(world):
        path = world.file(file).as_posix()
        if not world.file(file).exists():
            return absent(
                f"there is no file `{path}`",
                "`docker save` writes an image to a file, and `-o` names the file.",
                f'`images.save("{reference}", "{file}")`, or `docker save -o {path} {reference}`.',
            )
        try:
            found = world.archive(file)
        except errors.BadTar:
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
        if found[reference] != world.content(reference):
            return no(
                f"`{reference}` in `{path}` is another image than the one here",
                "Save it again: the file is a copy of what was there then.",
            )
        return yes(f"`{path}` holds `{reference}`")

    return condition


def answered(judge):
    """An answer was given, and the judge, a function of the world and it, finds it right."""

    def condition(world):
        if not world.answer:
            return absent(
                "no answer was given",
                "Find it out, and put it between the brackets of `check(…)`.",
            )
        try:
            inspect.signature(judge).bind(world, *world.answer)
        except TypeError:
            return no("these are too many answers", "The task says what goes into `check(…)`.")
        return judge(world, *world.answer)

    return condition
