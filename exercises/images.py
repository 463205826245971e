"""Exercises of lesson 2, images."""

import re
import sys

from exercises.conditions import (
    address,
    answered,
    forget,
    has_store,
    imported,
    make_store,
    named,
    packed,
    runs_by_itself,
    store_answers,
    store_is_made,
    stored,
)
from exercises.frame import OVER, absent, exercise, no, yes
from helpers import containers, engine, images, registry, workspace
from helpers._internal import archives, command
from helpers._internal.containers import published
from helpers._internal.errors import InvalidArchive

exercises = sys.modules[__name__]  # what a notebook calls this module


# Import


def _wrap(me):
    forget(f"{me}/gift:1")
    containers.run("busybox", "sh -c 'echo hello from afar > /gift.txt'", name="wrapper")
    images.commit("wrapper", f"{me}/gift:1", change='CMD ["cat", "/gift.txt"]')
    images.save(f"{me}/gift:1", "gift.tar")
    images.rm(f"{me}/gift:1")
    containers.rm("wrapper")


def _sent(world):
    """What the image in the parcel is; `None` where the parcel holds something else."""
    try:
        return world.archive("gift.tar").get(f"{world.me}/gift:1")
    except InvalidArchive:
        return None


def _as_it_came(world):
    if _sent(world):
        return None
    return no(f"`{world.file('gift.tar').as_posix()}` is not what came by mail any more", OVER)


def _unpacked(world):
    name = f"{world.me}/gift:1"
    if (one := world.content(name)) is None or not (sent := _sent(world)):
        return None
    if one == sent:
        return yes("it is the image in the file, with all its layers and settings")
    if len(one.layers) == 1 and not one.runs:
        return no(
            "it is not the image in the file: it has one layer, and no CMD",
            "`docker import` takes the whole archive for a file system. This archive holds an "
            "image: another command brings it back.",
            f'`images.rm("{name}")`, then `images.load("gift.tar")`.',
        )
    return no(
        "it is another image than the one in the file",
        "The name is in the file, too: you need not give it.",
        f'`images.rm("{name}")`, then `images.load("gift.tar")`.',
    )


@exercise(
    prepare=_wrap,
    begun=lambda world: world.file("gift.tar").is_file(),
    conditions=[_as_it_came, named("{me}/gift:1", how="docker load"), _unpacked],
    docker="docker load -i {files}/gift.tar",
)
def gift(me):
    """A parcel has come

    `{files}/gift.tar` came by mail; `docker save` wrote it. Bring the image in it back, under its
    name `{me}/gift:1`. (Then run it, to see what it says.)
    """
    images.load("gift.tar")


def _shut_down(me):
    forget(f"{me}/system:1")
    containers.run("busybox", "sh -c 'echo all is well > /motd'", name="old")
    images.export("old", "system.tar")
    containers.rm("old")


@exercise(
    prepare=_shut_down,
    begun=lambda world: world.file("system.tar").is_file(),
    conditions=[
        named("{me}/system:1", how="docker import"),
        imported("{me}/system:1", "system.tar"),
        runs_by_itself("{me}/system:1", "cat", "/motd"),
    ],
    docker="""
        docker import -c 'CMD ["cat", "/motd"]' {files}/system.tar {me}/system:1
    """,
)
def revived(me):
    """What a file system has lost

    Of an old container, only its file system was kept: `{files}/system.tar`, which `docker export`
    wrote. Make the image `{me}/system:1` of it, and give it back what it lost: run without a
    command, it printed the file `/motd`, with `cat /motd`.
    """
    images.import_("system.tar", f"{me}/system:1", change='CMD ["cat", "/motd"]')


# Export


@exercise(
    conditions=[packed("backup.tar", "busybox:latest")],
    docker="mkdir -p {files} && docker save -o {files}/backup.tar busybox:latest",
)
def backup(me):
    """For the shelf in the cellar

    Write the image `busybox:latest` to the file `{files}/backup.tar`, so that `docker load` on
    another machine brings it back with its name.
    """
    images.save("busybox:latest", "backup.tar")


def _print(me):
    workspace.file("result.txt").unlink(missing_ok=True)
    containers.run("busybox", "cp /proc/sys/kernel/random/uuid /result.txt", name="printer")


def _copied(world):
    path, full = world.file("result.txt"), world.full("printer")
    if not path.is_file():
        return absent(
            f"there is no file `{path.as_posix()}`",
            "`docker cp` copies files between a container and your machine, even if the container "
            "does not run.",
            '`containers.cp("printer", "/result.txt", "result.txt")`, or '
            f"`{command.line('docker', 'cp', f'{full}:/result.txt', path.as_posix())}`.",
        )
    if path.read_bytes() == world.inside("printer", "/result.txt"):
        return yes(f"`{path.as_posix()}` is the file of the container, to the byte")
    if b"ustar" in path.read_bytes()[:512]:
        return no(
            f"`{path.as_posix()}` is a tar archive",
            "`docker export`, and `docker cp` with `-`, write archives. Copy the one file.",
        )
    return no(
        f"`{path.as_posix()}` says something else than the file of the container",
        "A container that starts again writes a new result: copy it anew.",
    )


def _left_alone(world):
    if not world.file("result.txt").is_file():
        return None
    if world.container(world.full("printer"))["State"]["Running"]:
        return no("the container runs", '`containers.wait("printer")` waits until it has ended.')
    return yes("the container has ended, and is still there")


@exercise(
    prepare=_print,
    begun=lambda world: world.container(world.full("printer")),
    conditions=[_copied, _left_alone],
    docker="mkdir -p {files} && docker cp {me}-printer:/result.txt {files}/result.txt",
)
def result(me):
    """Out of a container that has ended

    The container `{me}-printer` has done its work and ended. Its result is the file `/result.txt`
    in it. Copy that to `{files}/result.txt`; leave the container as it is.
    """
    containers.cp("printer", "/result.txt", "result.txt")


# Pull


def _publish(me):
    store = registry.start()
    registry.login(store)
    for tag in ("1", "2"):
        name = f"{store}/{me}/tool:{tag}"
        forget(name)
        containers.run("busybox", f"sh -c 'echo {tag} > /version'", name="maker")
        images.commit("maker", name)
        images.push(name)
        images.rm(name)
    containers.rm("maker")


def _has(repository):
    """Whether your registry has a repository, or can't be asked at the moment."""

    def begun(world):
        if world.store is None:
            return False
        return bool(store_answers(world) or world.asked(f"{world.me}/{repository}/tags/list"))

    return begun


def _pulled(world):
    if not has_store(world):
        return None
    path = f"{world.me}/tool"
    name, there = f"{world.store}/{path}:2", world.stored(path, "2")
    if (here := world.content(name)) is None:
        others = world.tags(f"{world.store}/{path}")
        text = f"there is no image `{name}` here"
        if others:
            return no(f"{text}, but with the tag {', '.join(others)}", f"`docker pull {name}`")
        return absent(
            text,
            "The name of an image says where it comes from: it begins with your registry's "
            "address.",
            f'`images.pull("{name}")`, or `docker pull {name}`. If it is denied, log in first.',
        )
    if there is None or here not in there[1]:
        return no(
            f"`{name}` here is another image than the one in your registry",
            "A tag can be given by hand. Pull it, and it becomes what the registry has.",
            f'`images.pull("{name}")`',
        )
    return yes(f"`{name}` is here, and is what your registry has")


@exercise(
    prepare=_publish,
    begun=_has("tool"),
    conditions=[store_answers, _pulled],
    docker="""
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker pull {store}/{me}/tool:2
    """,
)
def tool(me, store):
    """The second version

    Your registry `{store}` holds two versions of `{me}/tool`, under the tags `1` and `2`. Bring the
    second one to this Engine.
    """
    registry.login(registry.start())
    images.pull(f"{store}/{me}/tool:2")


def _read(world, port, folder=""):
    image = world.image("registry:2")
    if image is None:
        return no("the image `registry:2` is not here", 'Pull it: `images.pull("registry:2")`.')
    config = image.get("Config") or {}
    ports, folders = set(config.get("ExposedPorts") or {}), set(config.get("Volumes") or {})
    asked = 'Look at `images.inspect("registry:2")`, or `docker image inspect registry:2`.'
    if port.removesuffix("/tcp") not in {one.removesuffix("/tcp") for one in ports}:
        return no(
            f"it does not expose the port {port}",
            "The port inside the container is asked for, which the image names itself; the one "
            "that your registry has on your machine is another.",
            f"{asked} The row `ports` names it.",
        )
    if folder.rstrip("/") not in folders:
        return no(
            f"it exposes that port, but has no volume `{folder}`"
            if folder
            else "it exposes that port; the folder was not answered",
            "A volume is a folder in the container whose files Docker keeps apart from it.",
            f"{asked} The row `volumes` names it.",
        )
    return yes(f"it exposes the port {port}, and keeps `{folder}` in a volume")


@exercise(
    conditions=[
        answered(
            _read,
            '`images.inspect("registry:2")` shows what an image is set to: see the rows `ports` '
            "and `volumes`.",
        )
    ],
    docker="docker image inspect registry:2  # see ExposedPorts and Volumes, under Config",
)
def look(me):
    """Look before you run

    An image says on which ports its program listens: it **exposes** them. And it says which folders
    Docker is to keep apart from the container, each in a **volume**. You are about to run an image
    that you don't know: `registry:2`. Which port does it expose, and which folder does it keep in a
    volume?
    `exercises.look.check("PORT", "/FOLDER")`
    """
    images.pull("registry:2")
    seen = images.inspect("registry:2")["registry:2"]
    exercises.look.check(seen.ports[0], seen.volumes[0])


def _note(me):
    store = registry.start()
    registry.login(store)
    name = f"{store}/{me}/pinned:1"
    forget(f"{me}/proof:1", name)
    for file in ("pinned.txt", None):
        containers.run("busybox", "cp /proc/sys/kernel/random/uuid /new", name="maker")
        images.commit("maker", name)
        digest = images.push(name).digest
        images.rm(name)
        if file:
            workspace.file(file).write_text(digest)
    containers.rm("maker")


def _digest(world):
    noted = world.file("pinned.txt").read_text(errors="replace").strip()
    return noted if re.fullmatch("sha256:[0-9a-f]{64}", noted) else None


def _noted(world):
    if _digest(world):
        return None
    return no(f"`{world.file('pinned.txt').as_posix()}` is not what was noted any more", OVER)


def _pinned(world):
    if not has_store(world) or not _digest(world):
        return None
    repository = f"{world.store}/{world.me}/pinned"
    name = f"{repository}@{_digest(world)}"
    if world.image(name):
        return yes("the image with the noted digest is here")
    if world.image(f"{repository}:1"):
        return no(
            "you have what the tag `1` names today, not what was noted",
            "A tag can be moved to another image; a digest can't. Ask for the digest.",
            "A name by digest has `@` in place of the colon and the tag.",
            f'`images.pull("{name}")`',
        )
    return absent(
        "the image with the noted digest is not here",
        "A name by digest has `@` in place of the colon and the tag.",
        f'`images.pull("{name}")`. If it is denied, log in first.',
    )


def _proved(world):
    name = f"{world.store}/{world.me}/pinned@{_digest(world)}"
    if not _digest(world) or not (pulled := world.content(name)):
        return None
    proof = world.content(f"{world.me}/proof:1")
    if proof is None:
        return no(
            f"there is no image `{world.me}/proof:1`",
            "Pulled by digest, an image has no tag here. `docker tag` takes the name with the "
            "digest as well.",
            f'`registry.tag("{name}", "{world.me}/proof:1")`',
        )
    if proof != pulled:
        return no(
            f"`{world.me}/proof:1` is another image than the one with the noted digest",
            "Compare their IDs with `images.inspect`.",
            f'`registry.tag("{name}", "{world.me}/proof:1")`',
        )
    return yes(f"`{world.me}/proof:1` is that very image")


@exercise(
    prepare=_note,
    begun=lambda world: world.file("pinned.txt").is_file() and _has("pinned")(world),
    conditions=[store_answers, _noted, _pinned, _proved],
    docker="""
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker pull {store}/{me}/pinned@$(cat {files}/pinned.txt)
        docker tag {store}/{me}/pinned@$(cat {files}/pinned.txt) {me}/proof:1
    """,
)
def pinned(me, store):
    """This image and no other

    Yesterday you pushed `{store}/{me}/pinned:1`, and noted its digest in `{files}/pinned.txt`.
    Somebody has moved the tag since. Bring back the image that you had, by its **digest**, and give
    it the name `{me}/proof:1`, so that all can see which it was.
    """
    registry.login(registry.start())
    digest = workspace.file("pinned.txt").read_text()
    images.pull(f"{store}/{me}/pinned@{digest}")
    registry.tag(f"{store}/{me}/pinned@{digest}", f"{me}/proof:1")


# Push


@exercise(
    prepare=make_store,
    begun=store_is_made,
    again=False,
    conditions=[store_answers, stored("parcel", "1", like="busybox")],
    docker="""
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker tag busybox {store}/{me}/parcel:1
        docker push {store}/{me}/parcel:1
    """,
)
def parcel(me, store):
    """Send it off

    Put the image `busybox` into your registry `{store}`, as `{me}/parcel:1`.
    """
    registry.login(registry.start())
    registry.tag("busybox", f"{store}/{me}/parcel:1")
    images.push(f"{store}/{me}/parcel:1")


def _move_in(me):
    forget(f"{registry.start()}/{me}/cargo:1")
    containers.run("registry:2", name="depot", detach=True, publish="5070:5000")
    depot = published(engine.connect().api, workspace.prefixed("depot"), 5000)
    containers.run("busybox", "cp /proc/sys/kernel/random/uuid /load", name="maker")
    images.commit("maker", f"{depot}/{me}/cargo:1", change='CMD ["cat", "/load"]')
    containers.ready("depot", "listening on")
    images.push(f"{depot}/{me}/cargo:1")
    images.rm(f"{depot}/{me}/cargo:1")
    containers.rm("maker")


def _depot(world):
    """The address of the other registry, if it runs."""
    one = world.container(world.full("depot"))
    if not one["State"]["Running"] or one["State"]["Paused"]:
        return None
    return address(one, 5000)


def _has_arrived(world):
    depot = _depot(world)
    if depot is None:
        todo = f'`containers.start("depot")`, or `docker unpause {world.full("depot")}`'
        return no("the old registry does not run, or is paused", todo)
    if not has_store(world):
        return None
    path = f"{world.me}/cargo"
    source, found = world.stored(path, "1", depot), world.stored(path, "1")
    if source is None:
        return no("the old registry has lost its image", OVER)
    here, there = f"{depot}/{path}:1", f"{world.store}/{path}:1"
    if found is None:
        text = f"your registry has no `{path}:1`"
        if world.image(there):
            return no(text, "It has its new name here; now push it.", f'`images.push("{there}")`')
        if world.image(here):
            return no(
                text,
                "The image is here. A push goes where its name says: give it a name that begins "
                "with your registry's address.",
                f'`registry.tag("{here}", "{there}")`, then `images.push("{there}")`.',
            )
        return absent(
            text,
            "An image goes from one registry to another by way of your Engine: pull it, give it "
            "a name that leads to the other, push it.",
            f'`images.pull("{here}")` is the first step.',
        )
    if not set(source[1]) & set(found[1]):
        return no(
            f"`{path}:1` in your registry is another image than that in the old one",
            "Nothing is to be built anew: no commit, no export and import. A tag keeps the image "
            "as it is.",
            f'`images.pull("{here}")`, `registry.tag("{here}", "{there}")`, '
            f'`images.push("{there}")`',
        )
    return yes(f"your registry holds `{path}:1`, the same image as the old one")


@exercise(
    prepare=_move_in,
    begun=lambda world: world.container(world.full("depot")),
    conditions=[store_answers, _has_arrived],
    docker="""
        OLD=$(docker port {me}-depot 5000)
        docker pull $OLD/{me}/cargo:1
        docker tag $OLD/{me}/cargo:1 {store}/{me}/cargo:1
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker push {store}/{me}/cargo:1
    """,
)
def moved(me, store):
    """Moving house

    An old registry runs as the container `{me}-depot`, on a port that `docker ps` tells; it wants
    no password. It holds `{me}/cargo:1`. Bring that image to your own registry `{store}`, under the
    same name and tag, **without** making it anew.
    """
    ports = containers.ps("depot").ports[0]
    old = ports.split("->")[0]
    images.pull(f"{old}/{me}/cargo:1")
    registry.tag(f"{old}/{me}/cargo:1", f"{store}/{me}/cargo:1")
    registry.login(registry.start())
    images.push(f"{store}/{me}/cargo:1")


# All together


def _exported(world):
    path = world.file("greeter.tar")
    if not path.is_file():
        return absent(
            f"there is no file `{path.as_posix()}`",
            "Run a container that writes `/hello.txt`, then export it.",
            '`containers.run("busybox", "sh -c \'echo hello > /hello.txt\'", name="writer")`, '
            'then `images.export("writer", "greeter.tar")`.',
        )
    try:
        with archives.opened(path) as archive:
            names = archive.files.keys()
            there = "hello.txt" in names and archive.files["hello.txt"].isreg()
            found = there and archive.open("hello.txt").read(99).strip()
    except InvalidArchive:
        return no(f"`{path.as_posix()}` is no whole archive", "Export the container again.")
    if "manifest.json" in names:
        return no(
            f"`{path.as_posix()}` is the archive of an image",
            "Here the file system of a container is asked for: `docker export`, not `docker save`.",
        )
    if found != b"hello":
        wrong = "says something else than `hello`" if there else "is missing, or no file"
        return no(
            f"`/hello.txt` in `{path.as_posix()}` {wrong}",
            "The container writes the file while it runs: `sh -c 'echo hello > /hello.txt'`.",
        )
    return yes(f"`{path.as_posix()}` is a file system, and `/hello.txt` in it says `hello`")


def _round_trip(world):
    if not has_store(world):
        return None
    path = f"{world.me}/greeter"
    name, there = f"{world.store}/{path}:1", world.stored(path, "1")
    if there is None:
        return absent(
            f"your registry has no `{path}:1`",
            f"Import the file as `{name}`, with its CMD; then log in, and push it."
            if not world.image(name)
            else "The image has its name here; now push it.",
            f'`images.push("{name}")`',
        )
    here = world.image(name)
    if here is None:
        return no(
            f"your registry holds `{path}:1`, and it is not here any more",
            f'Pull it back: `images.pull("{name}")`.',
        )
    digests = {one.rpartition("@")[2] for one in here["RepoDigests"] or []}
    if there[0] not in digests:
        return no(
            f"`{name}` here is another image than the one in your registry",
            "Push it, or remove it here and pull it back.",
        )
    return yes(f"`{name}` is in your registry and here, with the same digest")


@exercise(
    prepare=make_store,
    begun=store_is_made,
    again=False,
    conditions=[
        store_answers,
        _exported,
        _round_trip,
        imported("{store}/{me}/greeter:1", "greeter.tar"),
        runs_by_itself("{store}/{me}/greeter:1", "cat", "/hello.txt"),
    ],
    docker="""
        mkdir -p {files}
        docker run --name {me}-writer {label} busybox sh -c 'echo hello > /hello.txt'
        docker export -o {files}/greeter.tar {me}-writer
        docker import -c 'CMD ["cat", "/hello.txt"]' {files}/greeter.tar {store}/{me}/greeter:1
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker push {store}/{me}/greeter:1
        docker rmi {store}/{me}/greeter:1
        docker pull {store}/{me}/greeter:1
    """,
)
def greeter(me, store):
    """There and back again

    - A container of `busybox` writes `hello` to the file `/hello.txt`. **Export** it to
      `{files}/greeter.tar`.
    - **Import** that as an image which, run without a command, prints the file: `cat /hello.txt`.
    - **Push** it to your registry as `{store}/{me}/greeter:1`.
    - Remove it here, and **pull** it back. (This leaves no trace: only you can see it.)
    """
    containers.run("busybox", "sh -c 'echo hello > /hello.txt'", name="writer")
    images.export("writer", "greeter.tar")
    name = f"{store}/{me}/greeter:1"
    images.import_("greeter.tar", name, change='CMD ["cat", "/hello.txt"]')
    registry.login(registry.start())
    images.push(name)
    images.rm(name)
    images.pull(name)
