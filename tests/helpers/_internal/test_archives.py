"""Tar archives: written whole or not at all, and what is wrong with one that is read."""

import gzip
import io
import json
import tarfile

import pytest

from helpers import images
from helpers._internal import archives, errors, files
from helpers._internal.archives import _NAMES
from helpers._internal.errors import InvalidArchive
from tests.helpers.fake_server import Stream

CONFIG, LAYER = b'{"config": {"Cmd": ["sh"]}}', b"layer" * 400
MANIFEST = [{"Config": "c.json", "RepoTags": ["ada/x:1"], "Layers": ["l/layer.tar", "l2"]}]


def tar(*members):
    """Make a tar archive of (name, bytes), or (name, name it links to)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            elif content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return packed.getvalue()


def saved(manifest=MANIFEST):
    """Make what `docker save` makes: the second layer is a link to the first one."""
    told = ("manifest.json", json.dumps(manifest).encode())
    return tar(("c.json", CONFIG), ("l", None), ("l/layer.tar", LAYER), ("l2", "l/layer.tar"), told)


@pytest.fixture
def place(in_tmp, shown, ada):
    """Return a function that writes a file into the folder."""
    return lambda content, name="x.tar": (in_tmp / "files/ada" / name).write_bytes(content)


@pytest.fixture
def calls(fake_engine):
    """What reads an archive, by name."""
    fake_engine.answers["POST", "/images/load"] = Stream({"stream": "Loaded image: ada/x:1\n"})
    fake_engine.answers["GET", "/images/json"] = []
    fake_engine.answers["GET", "/info"] = {"DriverStatus": [["Backing Filesystem", "extfs"]]}
    fake_engine.answers["POST", "/images/create"] = b'{"status": "sha256:0"}\n'
    gone = (404, {"message": "No such image: ada/flat:1"}, {})
    fake_engine.answers["GET", "/images/ada/flat:1/json"] = gone
    return {
        "contents": lambda: images.contents("x.tar"),
        "read": lambda: images.read("x.tar", "manifest.json"),
        "load": lambda: images.load("x.tar"),
        "import_": lambda: images.import_("x.tar", "ada/flat:1"),
    }


EACH = pytest.mark.parametrize("call", ["contents", "read", "load", "import_"])


def test_contents(place, calls, shown):
    place(saved())
    found = images.contents("x.tar")
    assert [str(kind) for kind in found.dtypes] == ["str", "str", "int64"]
    assert found.values.tolist() == [
        ["manifest", "manifest.json", len(json.dumps(MANIFEST))],
        ["config", "c.json", len(CONFIG)],
        ["layer 1", "l/layer.tar", len(LAYER)],
        ["layer 2", "l2", len(LAYER)],  # a link has the size of its target
    ]
    assert shown == ["tar -tf files/ada/x.tar"]


def test_read(place, shown):
    place(saved())
    assert images.read("x.tar", "c.json") == {"config": {"Cmd": ["sh"]}}
    assert images.read("files/ada/x.tar", "manifest.json") == MANIFEST
    assert shown[0] == "tar -xOf files/ada/x.tar c.json"


def test_load_says_what_the_engine_says(place, calls, fake_engine):
    place(saved())
    assert calls["load"]() == "Loaded image: ada/x:1\n"
    assert fake_engine.asked[-1][4] == saved() or fake_engine.asked[-1][3]["Transfer-Encoding"]


def indexed(digest, name, kind="application/vnd.oci.image.manifest.v1+json", **more):
    """Make what `docker save` makes on containerd's store, of one image."""
    one = {"mediaType": kind, "digest": digest, "size": 9, "annotations": {_NAMES[0]: name}}
    told = [{"Config": "c.json", "RepoTags": ["busybox:1"], "Layers": ["l"]}]
    texts = {"manifest.json": told, "index.json": {"manifests": [one | more]}, "oci-layout": {}}
    files = [(path, json.dumps(text).encode()) for path, text in texts.items()]
    return tar(("c.json", CONFIG), ("l", LAYER), *files)


STRANGE = {
    "another's digest": ("moby-dangling@sha256:" + "2" * 64, {}, "another one's digest"),
    "no manifest": ("busybox:1", {"kind": "text/plain"}, "no manifest"),
    "terminal's codes": ("\x1b[31mRED", {}, "name"),
    "capital letters": ("docker.io/Victim/app:1", {}, "small letters"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_an_index_with_strange_names_is_refused(place, calls, what):
    name, options, said = STRANGE[what]
    place(indexed(f"sha256:{1:064}", name, **options))
    with pytest.raises((InvalidArchive, errors.InvalidInput), match=said):
        calls["load"]()


def test_an_index_is_packed_with_whole_names_and_nothing_else(in_tmp, place):
    place(indexed(f"sha256:{1:064}", "ada/x", urls=["http://x"]))
    with archives.opened(in_tmp / "files/ada/x.tar") as archive:
        packed = io.BytesIO(b"".join(archive.packed()))
    with tarfile.open(fileobj=packed) as made:
        [one] = json.load(made.extractfile("index.json"))["manifests"]
    assert sorted(one) == ["annotations", "digest", "mediaType", "size"]
    assert one["annotations"] == {_NAMES[0]: "docker.io/ada/x:latest"}


def test_links_make_an_archive_no_larger(in_tmp, place):
    """Each file is packed once, whatever links to it; of blobs, no link is."""
    links = [(f"l{number}", "l/layer.tar") for number in range(50)]
    told = [MANIFEST[0] | {"Layers": ["l/layer.tar", *(name for name, _ in links)]}]
    place(tar(("c.json", CONFIG), ("l/layer.tar", LAYER), *links,
              ("manifest.json", json.dumps(told).encode())))  # fmt: skip
    with archives.opened(in_tmp / "files/ada/x.tar") as archive:
        assert b"".join(archive.packed()).count(LAYER) == 1


def test_for_containerd_s_store_the_names_in_the_index_count(place, calls, fake_engine):
    """They are written whole there, and an image's ID is the digest of its manifest."""
    digest = f"sha256:{1:064}"
    place(indexed(digest, "docker.io/library/busybox:1"))
    driver = [["driver-type", "io.containerd.snapshotter.v1"]]
    fake_engine.answers["GET", "/info"] = {"DriverStatus": driver}
    fake_engine.answers["GET", "/images/busybox:1/json"] = {"Id": digest}
    assert "Loaded image" in calls["load"]()
    fake_engine.answers["GET", "/images/busybox:1/json"] = {"Id": f"sha256:{2:064}"}
    with pytest.raises(errors.NotOwned, match="another image by the name busybox:1"):
        calls["load"]()


@EACH
def test_a_whole_archive_is_good(place, calls, call):
    place(saved())
    calls[call]()


@EACH
def test_a_file_that_is_not_there(in_tmp, ada, calls, call):
    with pytest.raises(InvalidArchive, match="there is no file files/ada/x.tar"):
        calls[call]()


@EACH
@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 5000, b"\x1f\x8b\x08garbage"])
def test_a_file_that_is_no_archive(place, calls, call, content):
    place(content)
    with pytest.raises(InvalidArchive):
        calls[call]()


@EACH
def test_an_archive_that_is_cut_short(place, calls, call, fake_engine):
    """Cut within a member's content or header, wherever that is."""
    whole = saved()
    end = max(member.offset_data for member in tarfile.open(fileobj=io.BytesIO(whole)))
    for cut in [*range(700, end, 1024), end - 100, end + 3]:
        place(whole[: cut + 1])
        fake_engine.asked.clear()
        with pytest.raises(InvalidArchive):
            calls[call]()
        sent = [one for one in fake_engine.asked if one[0] == "POST"]
        assert sent == [], f"cut at {cut}: the Engine was asked"


@EACH
def test_a_compressed_archive_that_is_cut_or_spoilt(place, calls, call):
    whole = gzip.compress(saved(), mtime=0)
    for content in (whole[:-30], whole[:40] + b"\xff\x00" * 20 + whole[80:]):
        place(content)
        with pytest.raises(InvalidArchive):
            calls[call]()


NO_MANIFEST = [
    tar(("bin", None), ("bin/sh", b"x")),  # of docker export
    tar(("manifest.json", None)),
    tar(("manifest.json", b"no json")),
    tar(("manifest.json", b"\xff\xfe")),
]
OTHER_MANIFEST = [  # `load` leaves these to the Engine, see the integration tests
    tar(("manifest.json", b'{"name": "a web page"}')),
    tar(("manifest.json", b"[{}]")),
    saved([{"Config": "c.json", "Layers": ["gone"]}]),
    saved([{"Config": "gone", "Layers": []}]),
]


@pytest.mark.parametrize(
    ("call", "content"),
    [("load", content) for content in NO_MANIFEST]
    + [("contents", content) for content in NO_MANIFEST + OTHER_MANIFEST],
)
def test_an_archive_that_is_not_of_docker_save(place, calls, call, content):
    place(content)
    with pytest.raises(InvalidArchive):
        calls[call]()


@pytest.mark.parametrize("member", ["gone.json", "l", "l/layer.tar"])
def test_what_can_t_be_read_out_of_an_archive(place, member):
    place(saved())
    with pytest.raises(InvalidArchive):
        images.read("x.tar", member)


def test_an_archive_of_docker_export_says_what_to_do(place, calls):
    place(tar(("bin/sh", b"x")))
    with pytest.raises(InvalidArchive, match="Use images.import_"):
        calls["load"]()


def broken(*pieces):
    yield from pieces
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("pieces", [(), (b"x" * 9,)])
def test_a_stream_that_breaks_leaves_no_half_file(in_tmp, pieces):
    path = in_tmp / "files/ada" / "x.tar"
    with pytest.raises(OSError):
        files.write(path, broken(*pieces))
    assert list(path.parent.iterdir()) == []


def test_a_stream_that_breaks_keeps_the_old_file(in_tmp):
    path = in_tmp / "files/ada" / "x.tar"
    files.write(path, [b"the ", b"old one"])
    with pytest.raises(OSError):
        files.write(path, broken(b"the new"))
    assert path.read_bytes() == b"the old one"
    assert list(path.parent.iterdir()) == [path]
    files.write(path, [b"the new one"])
    assert path.read_bytes() == b"the new one"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_leaves_no_half_file(in_tmp):
    def interrupted():
        yield b"x"
        raise KeyboardInterrupt

    path = in_tmp / "files/ada" / "x.tar"
    with pytest.raises(KeyboardInterrupt):
        files.write(path, interrupted())
    assert list(path.parent.iterdir()) == []


def test_save_of_a_full_disk(fake_engine, in_tmp, monkeypatch):
    fake_engine.answers["GET", "/images/busybox/json"] = {"Id": "sha256:0", "Size": 1}
    monkeypatch.setattr(fake_engine.client.api, "get_image", lambda name: broken(b"x"))
    with pytest.raises(errors.LessonError):
        images.save("busybox", "x.tar")
    assert list((in_tmp / "files/ada").iterdir()) == []


def test_an_error_in_the_answer_of_load_and_import(place, calls, fake_engine):
    place(saved())
    wrong = {"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}
    fake_engine.answers["POST", "/images/load"] = Stream(wrong)
    with pytest.raises(InvalidArchive):
        calls["load"]()
    fake_engine.answers["POST", "/images/create"] = json.dumps(wrong).encode() + b"\n"
    with pytest.raises(InvalidArchive):
        calls["import_"]()


def test_instructions_that_are_none_are_refused(place, fake_engine):
    place(saved())
    for call in (images.import_, images.commit):
        with pytest.raises(errors.InvalidInput, match="read change=5"):
            call("x.tar", "ada/x:1", change=5)
    assert fake_engine.asked == []


def test_what_lies_outside_the_namespace_is_not_imported_or_committed(place, fake_engine):
    place(saved())
    for call in (images.import_, images.commit):
        with pytest.raises(errors.NotOwned):
            call("x.tar", "busybox:latest")
    assert fake_engine.asked == []
