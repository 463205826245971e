"""Archives made to take names away, or to fill the memory; the Engine shows what each would do."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from helpers import containers, images, workspace
from helpers._internal import identity
from helpers._internal.errors import InvalidArchive, NotOwned
from tests.helpers.integration.faults import wrong

TOP = Path(__file__).resolve().parents[3]
OCI = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 9}


def tar(*members, form=tarfile.GNU_FORMAT, **options):
    """Make a tar archive, as bytes, of (name, bytes) and whole `TarInfo`s without content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form, **options) as archive:
        for one in members:
            if isinstance(one, tarfile.TarInfo):
                archive.addfile(one)
            else:
                member = tarfile.TarInfo(one[0])
                member.size = len(one[1])
                archive.addfile(member, io.BytesIO(one[1]))
    return packed.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def manifest(name, **changed):
    whole = {"Config": "c.json", "RepoTags": [name], "Layers": ["l.tar"]} | changed
    return json.dumps([whole]).encode()


def sha(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Parcel:
    """An image of the attacker's, and a name of somebody else's that it is to get."""

    def __init__(self, world):
        self.mine, self.theirs = f"{world.me}/hello:1", f"other-{world.me}/app:1"
        layer = tar(("evil", b"x"))
        known = {"architecture": world.api.version()["Arch"], "os": "linux",
                 "config": {"Cmd": ["/evil"]},
                 "rootfs": {"type": "layers", "diff_ids": [sha(layer)]}}  # fmt: skip
        self.config = json.dumps(known).encode()
        self.files = [("c.json", self.config), ("l.tar", layer)]
        self.good, self.evil = manifest(self.mine), manifest(self.theirs)


def two_names(second):
    return lambda one: tar(*one.files, ("manifest.json", one.good), (second, one.evil))


def first_the_evil(one):
    return tar(*one.files, ("./manifest.json", one.evil), link("manifest.json", "good.json"),
               ("good.json", one.good))  # fmt: skip


def through_a_linked_folder(one):
    return tar(*one.files, ("manifest.json", one.good), link("x", "."),
               ("x/manifest.json", one.evil))  # fmt: skip


def keys_in_another_case(one):
    evil = manifest(one.mine, repotags=[one.theirs])
    return tar(*one.files, ("manifest.json", evil))


def only_keys_in_another_case(one):
    evil = one.evil.replace(b"RepoTags", b"repotags")
    return tar(*one.files, ("manifest.json", evil))


def times_taken_for_a_folder(one):
    """GNU's header has a time where another kind has the beginning of the name."""
    whole = bytearray(tar(*one.files, ("manifest.json", one.good), ("manifest.json", one.evil)))
    at = whole.rindex(b"manifest.json\0")
    whole[at + 345 : at + 357] = b"00000000001\0"
    whole[at + 148 : at + 156] = b" " * 8
    whole[at + 148 : at + 156] = b"%06o\0 " % sum(whole[at : at + 512])
    return bytes(whole)


def unended(one, told=None):
    """Make the harmless archive without the zeros at its end."""
    whole = tar(*one.files, ("manifest.json", told or one.good))
    end = whole.rindex(told or one.good) + len(told or one.good)
    return whole[: end + -end % 512]


def a_name_for_all_that_follows(one):
    """A global header renames, for Python alone, each file after it."""
    named = {"path": "nothing"}
    return unended(one) + tar(
        ("manifest.json", one.evil), form=tarfile.PAX_FORMAT, pax_headers=named
    )


def two_long_names(one):
    """Go believes the one of GNU, Python the first."""
    whole = tarfile.TarInfo("x")
    whole.size, whole.pax_headers = len(one.evil), {"path": "nothing"}
    first = whole.tobuf(tarfile.PAX_FORMAT)[:1024]
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 14
    header = tarfile.TarInfo("x")
    header.size = len(one.evil)
    return unended(one) + b"".join([
        first, name.tobuf(), b"manifest.json".ljust(512, b"\0"), header.tobuf(), one.evil,
        bytes(-len(one.evil) % 512 + 1024),
    ])  # fmt: skip


ATTACKS = {
    "./manifest.json": two_names("./manifest.json"),
    "/manifest.json": two_names("/manifest.json"),
    "x/../manifest.json": two_names("x/../manifest.json"),
    "twice": two_names("manifest.json"),
    "a link": lambda one: tar(*one.files, ("z", one.evil), link("manifest.json", "z")),
    "a hard link": lambda one: tar(
        *one.files, ("z", one.evil), link("manifest.json", "z", tarfile.LNKTYPE)
    ),
    "a linked folder": through_a_linked_folder,
    "keys twice": keys_in_another_case,
    "keys in small letters": only_keys_in_another_case,
    "a long s": lambda one: tar(
        *one.files, ("manifest.json", one.evil.replace(b"RepoTags", "RepoTagſ".encode()))
    ),
    "a time in GNU's header": times_taken_for_a_folder,
    "a global header": a_name_for_all_that_follows,
    "two long names": two_long_names,
}


@pytest.fixture
def parcel(world):
    """An attacker's parcel; the name that it is to take is that of an image of another's."""
    one = Parcel(world)
    world.sh(f"docker tag busybox {one.theirs}")
    yield one
    world.sh(f"docker rmi -f {one.theirs}", check=False)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_archive_takes_a_name_of_another(world, parcel, attack):
    path, before = workspace.file("x.tar"), world.image(parcel.theirs)["Id"]
    path.write_bytes(attack(parcel))
    try:
        images.load("x.tar")
    except (InvalidArchive, NotOwned):
        pass
    assert world.image(parcel.theirs)["Id"] == before
    world.sh(f"docker load -i {path}", check=not world.containerd)
    if not world.containerd:
        assert world.image(parcel.theirs)["Id"] != before, "that was no attack on this Engine"


@pytest.mark.parametrize("second", ["./manifest.json", "/manifest.json", "x/../manifest.json"])
def test_two_files_of_one_name_are_no_archive(world, parcel, second):
    workspace.file("x.tar").write_bytes(two_names(second)(parcel))
    for call in (images.load, images.contents):
        wrong(InvalidArchive, lambda call=call: call("x.tar"), "two files in it have one name")
    with pytest.raises(InvalidArchive, match="two files in it have one name"):
        images.read("x.tar", "manifest.json")


def test_a_zero_byte_in_a_file_s_name(world, parcel):
    """Python keeps what stands behind it; for Go the name ends there in what is packed anew."""
    before, evil = world.image(parcel.theirs)["Id"], tarfile.TarInfo("x")
    evil.size, evil.pax_headers = len(parcel.evil), {"path": "manifest.json\0z"}
    good = manifest(parcel.mine, Layers=["l.tar", "manifest.json\0z"])
    content = evil.tobuf(tarfile.PAX_FORMAT) + parcel.evil + bytes(-len(parcel.evil) % 512 + 1024)
    workspace.file("x.tar").write_bytes(unended(parcel, good) + content)
    wrong(InvalidArchive, lambda: images.load("x.tar"), "a name in it has a zero byte")
    assert world.image(parcel.theirs)["Id"] == before


def test_the_same_layers_with_another_config_are_another_image(world, parcel):
    """As an image that runs something else with the same files."""
    images.save(parcel.theirs, "x.tar")
    path = workspace.file("x.tar")
    assert "Loaded image" in images.load("x.tar")  # the same image: nothing moves
    with tarfile.open(path) as archive:
        [told] = json.load(archive.extractfile("manifest.json"))
        config = json.load(archive.extractfile(told["Config"]))
        layers = [(one, archive.extractfile(one).read()) for one in told["Layers"]]
    config["config"]["Cmd"] = ["/evil"]
    evil = manifest(parcel.theirs, Config="c.json", Layers=told["Layers"])
    path.write_bytes(tar(("manifest.json", evil), ("c.json", json.dumps(config).encode()), *layers))
    before = world.image(parcel.theirs)["Id"]
    wrong(NotOwned, lambda: images.load("x.tar"), parcel.theirs)
    assert world.image(parcel.theirs)["Id"] == before
    world.sh(f"docker load -i {path}")
    assert world.image(parcel.theirs)["Id"] != before


def test_names_in_an_index_count_too(world, parcel):
    """Engines with containerd's image store read them there."""
    for key, value in (("io.containerd.image.name", f"docker.io/{parcel.theirs}"),
                       ("org.opencontainers.image.ref.name", parcel.theirs)):  # fmt: skip
        index = {"manifests": [OCI | {"digest": sha(b""), "annotations": {key: value}}]}
        workspace.file("x.tar").write_bytes(
            tar(*parcel.files, ("manifest.json", parcel.good), ("oci-layout", b"{}"),
                ("index.json", json.dumps(index).encode()))
        )  # fmt: skip
        before = world.image(parcel.theirs)["Id"]
        wrong(NotOwned, lambda: images.load("x.tar"), parcel.theirs)
        assert world.image(parcel.theirs)["Id"] == before
        assert world.image(parcel.mine) is None


def test_no_digest_in_an_index_stands_for_what_the_engine_loads(world, parcel):
    """The index names the other's image truly; `manifest.json` gives its name away."""
    before = world.image(parcel.theirs)["Id"]
    note = {"io.containerd.image.name": parcel.theirs}
    index = {"manifests": [OCI | {"digest": before, "annotations": note}]}
    path = workspace.file("x.tar")
    path.write_bytes(
        tar(*parcel.files, ("manifest.json", parcel.evil),
            ("index.json", json.dumps(index).encode()),
            ("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'))
    )  # fmt: skip
    if world.containerd:  # for it, the index alone counts
        images.load("x.tar")
    else:
        wrong(NotOwned, lambda: images.load("x.tar"), parcel.theirs)
    assert world.image(parcel.theirs)["Id"] == before


def test_what_docker_saves_is_loaded_whole(world, parcel):
    """The same ID as before; also of an archive with links and with `./` before each name."""
    containers.run("busybox", "touch /x", name="box")
    images.commit("box", parcel.mine)
    images.save(parcel.mine, "x.tar")
    before = world.image(parcel.mine)
    path = workspace.file("x.tar")
    with tarfile.open(path) as archive:
        [told] = json.load(archive.extractfile("manifest.json"))
    sh = f"mkdir d && tar -xf {path} -C d && mv d/{told['Layers'][1]} d/y.tar && cd d"
    world.sh(f"{sh} && ln -rs y.tar {told['Layers'][1]} && tar -cf ../{path} . && rm -r ../d")
    images.rm(parcel.mine)
    assert images.load("x.tar") == f"Loaded image: {parcel.mine}\n"
    assert world.image(parcel.mine)["Id"] == before["Id"]
    assert world.image(parcel.mine)["RootFS"] == before["RootFS"]


PACKED = [gzip.compress, bz2.compress, lzma.compress]


@pytest.mark.parametrize("pack", PACKED, ids=["gz", "bz2", "xz"])
def test_a_compressed_archive_is_to_be_unpacked_first(world, parcel, pack):
    path = workspace.file("x.tar")
    path.write_bytes(pack(tar(*parcel.files, ("manifest.json", parcel.good))))
    for call in (images.load, lambda name: images.import_(name, parcel.mine)):
        wrong(InvalidArchive, lambda call=call: call("x.tar"), "compressed", "gunzip")


def test_an_image_without_layers(world, parcel):
    """Go writes an empty list so."""
    told = manifest(parcel.mine, Layers=None)
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}}
    workspace.file("x.tar").write_bytes(
        tar(("manifest.json", told), ("c.json", json.dumps(config).encode()))
    )
    assert images.contents("x.tar").part.tolist() == ["manifest", "config"]
    assert images.load("x.tar") == f"Loaded image: {parcel.mine}\n"


# What is small and becomes large

LARGE = 768 << 20  # bytes: more than is unpacked, and more than a call may take of the memory

def holes(path):
    """Write GNU's tar of a file with one large hole: 10 kB."""
    with open("hole", "wb") as file:
        file.truncate(LARGE)
    os.rename("hole", "manifest.json")
    subprocess.run(["tar", "-cSf", path, "manifest.json"], check=True)
    os.unlink("manifest.json")


def large_header(path):
    """Write a header for a long name, in a file with a hole."""
    with path.open("wb") as file:
        file.write(header(LARGE, tarfile.XHDTYPE))
        file.truncate(LARGE + tarfile.RECORDSIZE)


def large_json(path):
    with path.open("wb") as file:
        file.write(header(LARGE, tarfile.REGTYPE))
        file.truncate(LARGE + tarfile.RECORDSIZE)


def header(size, kind):
    member = tarfile.TarInfo("manifest.json")
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def bomb(pack, first, piece, pieces):
    """Make a writer of an archive, of parts that one unpacks as one."""
    return lambda path: path.write_bytes(pack(first) + pack(piece) * pieces + pack(bytes(1024)))


BIG = header(LARGE, tarfile.REGTYPE)
FILES = b"".join(tarfile.TarInfo(f"{number:090}").tobuf() for number in range(1000))


def sparse_map():
    """Write the header of a file in so many pieces that the list of them fills the memory."""
    member = tarfile.TarInfo("manifest.json")
    member.size = 32 << 20
    known = {"major": "1", "minor": "0", "name": "manifest.json", "realsize": "1"}
    member.pax_headers = {f"GNU.sparse.{key}": value for key, value in known.items()}
    return member.tobuf(tarfile.PAX_FORMAT) + b"130000000\n"


BOMBS = {
    "holes": holes, "a header": large_header, "JSON": large_json,
    "gz": bomb(gzip.compress, BIG, bytes(LARGE // 48), 48),
    "xz": bomb(lzma.compress, BIG, bytes(LARGE // 48), 48),
    "many files": bomb(bytes, FILES, FILES, 60),
    "a map of holes": bomb(bytes, sparse_map(), b"1\n" * (1 << 20), 16),
}  # fmt: skip


# Each call has a process of its own, forked from one that has imported the helpers.
CALLS = """
import os, resource, sys, time
from pathlib import Path
from helpers import images, workspace
from helpers._internal import identity
folder, me = sys.argv[1:]
identity.NOTEBOOK_DIR = Path(folder)
more = {"read": ["manifest.json"], "import_": [f"{me}/flat:1"]}
for call in ("contents", "load", "read", "import_"):
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    before, begun, raised = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic(), ""
    try:
        getattr(images, call)("bomb.tar", *more.get(call, []))
    except Exception as err:
        raised = type(err).__name__
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print("TOOK", call, used, time.monotonic() - begun, raised, flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS.keys())
def test_a_small_archive_fills_neither_memory_nor_time(world, make):
    make(workspace.file("bomb.tar"))
    done = subprocess.run(
        [sys.executable, "-c", CALLS, folder := identity.NOTEBOOK_DIR, world.me], cwd=folder,
        env=os.environ | {"PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=240,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )  # fmt: skip
    said = [line.split(" ") for line in done.stdout.splitlines()]
    rows = [words for start, *words in said if start == "TOOK"]  # the others are shown commands
    assert [row[0] for row in rows] == ["contents", "load", "read", "import_"], done
    for call, used, seconds, raised in rows:
        assert raised == "InvalidArchive" or call == "import_", rows
        assert int(used) < 200_000, rows  # kB
        assert float(seconds) < 60, rows


def test_a_root_file_system_may_have_many_files(world):
    """A Debian has 10,000 to 40,000."""
    with tarfile.open(workspace.file("root.tar"), "w") as archive:
        for number in range(20_000):
            archive.addfile(tarfile.TarInfo(f"usr/share/{number // 100}/{number}"))
    name, box = f"{world.me}/flat:1", f"{world.me}-flat"
    assert images.import_("root.tar", name).repository.tolist() == [f"{world.me}/flat"]
    world.sh(f"docker create --label {workspace.label()} --name {box} {name} /x")
    assert int(world.sh(f"docker export {box} | tar -t | grep -c usr/share/.*/.").stdout) == 20_000
