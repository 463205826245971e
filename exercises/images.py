"""Exercises of lesson 2, images."""

import re
import sys
import uuid

from exercises import conditions as its
from exercises.conditions import MARK
from exercises.exercise import RESTART_HINT, Start, condition, exercise, met, not_yet
from helpers import containers, engine, images, registry, workspace
from helpers._internal import archives
from helpers._internal.containers import published
from helpers._internal.errors import InvalidArchive

exercises = sys.modules[__name__]  # what a notebook calls this module
_BY_CHANCE = "cp /proc/sys/kernel/random/uuid /new"  # makes a file that no other container has


def _from_file(name, prepare):
    """Return the `Start` of a task that begins with a file."""
    return Start(prepare, lambda snapshot: snapshot.file(name).is_file())


# Import


def prepare_gift(me):
    hello, cat = "sh -c 'echo hello from afar > /gift.txt'", 'CMD ["cat", "/gift.txt"]'
    its.make_image(f"{me}/gift:1", hello, change=cat)
    images.save(f"{me}/gift:1", "gift.tar")
    images.rm(f"{me}/gift:1")


def _sent(snapshot):
    """Return what the image in the parcel is; `None` where the parcel holds something else."""
    return (snapshot.archive("gift.tar") or {}).get(f"{snapshot.me}/gift:1")


@condition("`{files}/gift.tar` is what came by mail", precondition=True)
def _as_it_came(snapshot):
    return met() if _sent(snapshot) else not_yet("it is not any more", RESTART_HINT)


@condition("it is the image in the file, with all its layers and settings")
def _unpacked(snapshot):
    name, sent = f"{snapshot.me}/gift:1", _sent(snapshot)
    if (content := snapshot.content(name)) is None or not sent:
        return None
    if content == sent:
        return met()
    remove = f'`images.rm("{name}")`, then bring it back from the file: its name is in it, too.'
    if len(content.layers) == 1 and not content.runs:
        took = "`docker import` takes the whole archive for a file system. This one holds an image."
        return not_yet("it has one layer, and no CMD", took, remove)
    return not_yet("it is another image than the one in the file", remove)


@exercise(
    _as_it_came,
    its.named("{me}/gift:1", how="docker load"),
    _unpacked,
    start=_from_file("gift.tar", prepare_gift),
)
def gift(me):
    """A parcel has come

    `{files}/gift.tar` came by mail; `docker save` wrote it. Bring the image in it back, under its
    name `{me}/gift:1`. (Then run it, to see what it says.)

    $ docker load -i {files}/gift.tar
    """
    images.load("gift.tar")


def prepare_revived(me):
    its.forget(f"{me}/system:1")
    containers.run("busybox", "sh -c 'echo all is well > /motd'", name="old")
    images.export("old", "system.tar")
    containers.rm("old")


@exercise(
    its.named("{me}/system:1", how="docker import"),
    its.imported("{me}/system:1", "system.tar"),
    its.runs_by_itself("{me}/system:1", "cat /motd"),
    start=_from_file("system.tar", prepare_revived),
)
def revived(me):
    """What a file system has lost

    Of an old container, only its file system was kept: `{files}/system.tar`, which `docker export`
    wrote. Make the image `{me}/system:1` of it, and give it back what it lost: run without a
    command, it printed the file `/motd`, with `cat /motd`.

    $ docker import -c 'CMD ["cat", "/motd"]' {files}/system.tar {me}/system:1
    """
    images.import_("system.tar", f"{me}/system:1", change='CMD ["cat", "/motd"]')


# Export


@exercise(its.packed("backup.tar", "busybox:latest"))
def backup(me):
    """For the shelf in the cellar

    Write the image `busybox:latest` to the file `{files}/backup.tar`, so that `docker load` on
    another machine brings it back with its name.

    $ mkdir -p {files} && docker save -o {files}/backup.tar busybox:latest
    """
    images.save("busybox:latest", "backup.tar")


def prepare_result(me):
    workspace.file("result.txt").unlink(missing_ok=True)
    said = str(uuid.uuid4())
    write = f"sh -c 'echo {said} > /result.txt'"
    containers.run("busybox", write, name="printer", env={MARK: said})


@condition("`{files}/result.txt` is the file of the container, to the byte")
def _copied(snapshot):
    path, printer = snapshot.file("result.txt"), snapshot.container("printer")
    if not path.is_file():
        copies = "`docker cp` copies files out of a container, even if it does not run."
        how = '`containers.cp("printer", "/result.txt", "result.txt")`'
        return not_yet("there is no such file", copies, how, started=False)
    content = path.read_bytes()
    if content == f"{its.mark(printer)}\n".encode():
        return met()
    if b"ustar" in content[:512]:
        packs = "`docker export`, and `docker cp` with `-`, write archives. Copy the one file."
        return not_yet("it is a tar archive", packs)
    return not_yet("it says something else", "Copy it anew, out of the container that was there.")


@exercise(_copied, start=its.from_container("printer", prepare_result))
def result(me):
    """Out of a container that has ended

    The container `{me}-printer` has done its work and ended. Its result is the file `/result.txt`
    in it. Copy that to `{files}/result.txt`; leave the container where it is.

    $ mkdir -p {files} && docker cp {me}-printer:/result.txt {files}/result.txt
    """
    containers.cp("printer", "/result.txt", "result.txt")


# Pull


def _push(name, words):
    """Make an image and push it; it does not stay here. Return its digest."""
    its.make_image(name, words)
    digest = images.push(name).digest
    images.rm(name)
    return digest


def _pull(name):
    """Return the hint for an image that your registry has, and that is not here."""
    return f'`images.pull("{name}")`; in a terminal, log in before: `{{login}}`'


def prepare_pinned(me):
    store = registry.start()
    registry.login(store)
    its.forget(f"{me}/proof:1")
    first, _ = (_push(f"{store}/{me}/pinned:1", _BY_CHANCE) for _ in range(2))
    workspace.file("pinned.txt").write_text(f"{first}\n")


def _is_pinned(snapshot):
    """Return whether file and repository are there, or the registry can't be asked."""
    if not snapshot.store or not snapshot.file("pinned.txt").is_file():
        return False
    return not its.has_store(snapshot) or snapshot.ask(f"{snapshot.me}/pinned/tags/list")


@its.of_store("`{me}/proof:1` is the image with the digest in `{files}/pinned.txt`")
def _proved(snapshot):
    me, noted = snapshot.me, snapshot.file("pinned.txt").read_text(errors="replace").strip()
    known = re.fullmatch("sha256:[0-9a-f]{64}", noted)
    path = f"{me}/pinned"
    sent, moved = known and snapshot.stored(path, noted), snapshot.stored(path, "1")
    if not sent or (moved and moved[0] == noted):
        return not_yet("the file does not say what was noted any more", RESTART_HINT)
    name, proof = f"{snapshot.store}/{path}", snapshot.content(f"{me}/proof:1")
    if proof in sent[1]:
        return met()
    if snapshot.image(f"{name}@{noted}"):
        tag = "Pulled by digest, an image has no tag here. `docker tag` takes NAME@DIGEST as well."
        return not_yet("it is another image" if proof else "there is none", tag)
    by_digest = "A name by digest has `@` in place of the colon and the tag."
    if snapshot.image(f"{name}:1"):
        moves = f"A tag can be moved to another image; a digest can't. {by_digest}"
        return not_yet("you have what the tag `1` names today", moves, _pull(f"{name}@{noted}"))
    return not_yet("", by_digest, _pull(f"{name}@{noted}"), started=bool(proof))


@exercise(its.store_answers, _proved, start=Start(prepare_pinned, _is_pinned))
def pinned(me, store):
    """This image and no other

    Imagine that yesterday you pushed `{store}/{me}/pinned:1`, and noted its digest in the file
    `{files}/pinned.txt`. Somebody has moved the tag since. Pull the image that you had, by its
    **digest**, and give it the name `{me}/proof:1`. (In a terminal, log in first: `{login}`.)

    $ {login}
    $ docker pull {store}/{me}/pinned@$(cat {files}/pinned.txt)
    $ docker tag {store}/{me}/pinned@$(cat {files}/pinned.txt) {me}/proof:1
    """
    registry.login(registry.start())
    digest = workspace.file("pinned.txt").read_text().strip()
    images.pull(f"{store}/{me}/pinned@{digest}")
    registry.tag(f"{store}/{me}/pinned@{digest}", f"{me}/proof:1")


# Push


def prepare_moved(me):
    its.forget(f"{registry.start()}/{me}/cargo:1")
    env = {MARK: "depot"}
    containers.run("registry:2", name="depot", detach=True, publish="5070:5000", env=env)
    depot = published(engine.connect().api, workspace.prefixed("depot"), 5000)
    containers.ready("depot", "listening on")
    _push(f"{depot}/{me}/cargo:1", _BY_CHANCE)


@its.of_store("your registry holds `{me}/cargo:1`, the same image as the old one")
def _has_arrived(snapshot):
    depot = snapshot.container("depot")
    if depot["State"]["Status"] != "running":
        todo = '`containers.start("depot")`, or `docker unpause {me}-depot`'
        return not_yet(f"the old registry is {depot['State']['Status']}", todo)
    path, old = f"{snapshot.me}/cargo", its.address(depot, 5000)
    source, found = snapshot.stored(path, "1", old), snapshot.stored(path, "1")
    here, there = f"{old}/{path}:1", f"{snapshot.store}/{path}:1"
    if source is None:
        return not_yet("the old registry has lost its image", RESTART_HINT)
    if found and set(source[1]) & set(found[1]):
        return met()
    way = ("An image goes from one registry to another by way of your Engine: pull it, give it a "
           "name that leads to the other, push it.")  # fmt: skip
    if found:
        anew = "Nothing is to be built anew: a tag keeps an image as it is."
        return not_yet("it is another image than that in the old one", anew, way)
    if snapshot.image(there):
        return not_yet("the image has its new name here", its.push_hint(there))
    if snapshot.image(here):
        return not_yet("the image is here", f"Give it a name that leads to yours: `{there}`.", way)
    return not_yet("", way, f'`images.pull("{here}")` is the first step.', started=False)


@exercise(its.store_answers, _has_arrived, start=its.from_container("depot", prepare_moved))
def moved(me, store):
    """Moving house

    An old registry runs as the container `{me}-depot`. `docker ps`, here `containers.ps()`, tells
    its address: it stands before the `->`. It wants no password. It holds `{me}/cargo:1`. Bring
    that image to your own registry `{store}`, under the same name and tag. Do not build it again.

    $ OLD=$(docker port {me}-depot 5000)
    $ docker pull $OLD/{me}/cargo:1
    $ docker tag $OLD/{me}/cargo:1 {store}/{me}/cargo:1
    $ {login}
    $ docker push {store}/{me}/cargo:1
    """
    ports = containers.ps("depot").ports[0]
    old = ports.split("->")[0]
    images.pull(f"{old}/{me}/cargo:1")
    registry.tag(f"{old}/{me}/cargo:1", f"{store}/{me}/cargo:1")
    registry.login(registry.start())
    images.push(f"{store}/{me}/cargo:1")


# All together


@condition("`{files}/greeter.tar` is a file system, and `/hello.txt` in it says `hello`")
def _exported(snapshot):
    path = snapshot.file("greeter.tar")
    if not path.is_file():
        how = "Run a container that writes `/hello.txt`, then export it."
        return not_yet("there is no such file", how, started=False)
    try:
        with archives.opened(path) as archive:
            file = archive.files.get("hello.txt")
            said = file and file.isreg() and archive.open("hello.txt").read(99).strip()
            if "manifest.json" in archive.files:
                wanted = "The file system of a container is asked for: `docker export`, not `save`."
                return not_yet("it is the archive of an image", wanted)
    except InvalidArchive:
        return not_yet("it is no whole archive", "Export the container again.")
    if said == b"hello":
        return met()
    writes = "The container writes the file while it runs: `sh -c 'echo hello > /hello.txt'`."
    wrong = "says something else" if said else "is missing, or no file"
    return not_yet(f"`/hello.txt` in it {wrong}", writes)


@its.of_store("`{store}/{me}/greeter:1` is in your registry and here, with the same digest")
def _round_trip(snapshot):
    path = f"{snapshot.me}/greeter"
    name, there = f"{snapshot.store}/{path}:1", snapshot.stored(path, "1")
    here = snapshot.image(name)
    if there is None:
        make = f"Import the file as `{name}`, with its CMD; then push it."
        return not_yet("", its.push_hint(name) if here else make, started=False)
    if here is None:
        return not_yet("it is not here any more", f"Pull it back: {_pull(name)}")
    if there[0] in {one.rpartition("@")[2] for one in here["RepoDigests"] or []}:
        return met()
    anew = "Push it, or remove it here and pull it back."
    return not_yet("here it is another image than in your registry", anew)


@exercise(
    _exported,
    _round_trip,
    its.imported("{store}/{me}/greeter:1", "greeter.tar"),
    its.runs_by_itself("{store}/{me}/greeter:1", "cat /hello.txt"),
    start=its.STORE,
)
def greeter(me, store):
    """There and back again

    - A container of `busybox` writes `hello` to the file `/hello.txt`. **Export** it to
      `{files}/greeter.tar`.
    - **Import** that as an image which, run without a command, prints the file: `cat /hello.txt`.
    - **Push** it to your registry as `{store}/{me}/greeter:1`.
    - Remove it here, and **pull** it back. (If you ran containers of it, remove them first:
      `docker rm NAME`, here `containers.rm(NAME)`. No mark can check the pull.)

    $ mkdir -p {files}
    $ docker run --name {me}-writer {label} busybox sh -c 'echo hello > /hello.txt'
    $ docker export -o {files}/greeter.tar {me}-writer
    $ docker import -c 'CMD ["cat", "/hello.txt"]' {files}/greeter.tar {store}/{me}/greeter:1
    $ {login}
    $ docker push {store}/{me}/greeter:1
    $ docker rmi {store}/{me}/greeter:1
    $ docker pull {store}/{me}/greeter:1
    """
    containers.run("busybox", "sh -c 'echo hello > /hello.txt'", name="writer")
    images.export("writer", "greeter.tar")
    name = f"{store}/{me}/greeter:1"
    images.import_("greeter.tar", name, change='CMD ["cat", "/hello.txt"]')
    registry.login(registry.start())
    images.push(name)
    images.rm(name)
    images.pull(name)
