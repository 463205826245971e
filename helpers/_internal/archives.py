"""Tar archives: read within limits, and sent to the Engine as they were read."""

import hashlib
import io
import json
import math
import posixpath
import tarfile
from contextlib import contextmanager
from functools import cached_property, partial
from typing import NamedTuple

from helpers._internal import distribution, errors

MAX_HEADERS = 8 << 20  # bytes of headers: those of some 15,000 files
MAX_JSON = 4 << 20  # bytes of one JSON file
MAX_NAMES = 1000  # images, names and layers that one archive tells of
_BLOCK, _END = 512, bytes(1024)  # a tar is a row of blocks, and ends in two empty ones
_CHUNK = 2**16  # bytes read at once; for larger ones the memory comes anew from the system
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")  # gzip, bzip2, xz, zstd
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")  # the first counts


class Image(NamedTuple):
    """An image in an archive, as its `manifest.json` tells: paths of files, and its names."""

    config: str
    names: list
    layers: list


@contextmanager
def opened(path):
    """Open a whole tar archive as an `Archive`; what is wrong with it is an `InvalidArchive`."""
    check_whole(path)
    try:
        with path.open("rb") as file, tarfile.open(fileobj=_Limited(file), mode="r:") as tar:
            tar.getmembers()
            tar.fileobj.left = math.inf  # what is read from here on has other limits
            yield Archive(tar)
    except (KeyError, TypeError, AttributeError, RecursionError) as err:
        problem = f"{path.as_posix()} is no archive of an image: {err.args[0]}"
        hint = "Use images.import_ for a root file system"
        raise errors.InvalidArchive("", problem, hint) from err
    except (tarfile.TarError, ValueError, EOFError) as err:
        raise _not_whole(path) from err


def check_whole(path):
    """Refuse a file that does not end as a tar archive does, as where it was cut short."""
    try:
        with path.open("rb") as file:
            begin, size = file.read(6), file.seek(0, 2)
            file.seek(max(size - len(_END), 0))
            end = file.read()
    except (FileNotFoundError, IsADirectoryError) as err:
        problem = f"there is no file {path.as_posix()}"
        raise errors.InvalidArchive("", problem, "Save or export it first") from err
    if begin.startswith(_PACKED):
        problem, hint = f"{path.as_posix()} is compressed", "Unpack it first, as gunzip does"
        raise errors.InvalidArchive("", problem, hint)
    if size % _BLOCK or end != _END:
        raise _not_whole(path)


def _not_whole(path):
    problem = f"{path.as_posix()} is not a whole tar archive"
    return errors.InvalidArchive("", problem, "Save or export it again")


class _Limited:
    """A file of which only so many bytes can be read, so that no header fills the memory."""

    def __init__(self, file):
        self.left, self._file = MAX_HEADERS, file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size):
        self.left -= size
        if self.left < 0:
            raise KeyError("it has more headers than the lessons read")
        return self._file.read(size)


class Archive:
    """The files in a tar archive by their paths, each cleaned as the Engine cleans it."""

    def __init__(self, archive):
        self._archive = archive

    @cached_property
    def files(self):
        """The files, links among them, a dict of `tarfile.TarInfo` by path."""
        members = [member for member in self._archive.getmembers() if not member.isdir()]
        files = {_clean(member.name): member for member in members}
        if len(files) < len(members):
            raise KeyError("two files in it have one name")
        return files

    def _find(self, path):
        """Return a file's path, or that of the one that it is a link to."""
        if (path := _clean(path)) not in self.files:
            raise KeyError(f"filename {path!r} not found")
        if (member := self.files[path]).issym():
            path = _clean(posixpath.join(posixpath.dirname(path), member.linkname))
        elif member.islnk():
            path = _clean(member.linkname)
        if not self.files[path].isreg() or self.files[path].issparse():  # docker writes no holes
            raise KeyError(f"{path} is no file in it")
        return path

    def open(self, path):
        """Open a file in the archive, or the one that it is a link to."""
        return self._archive.extractfile(self.files[self._find(path)])

    def size(self, path):
        """Return a file's size in bytes, that of its target where it is a link."""
        return self.open(path).seek(0, 2)

    def text(self, path):
        """Read a small file in the archive, as bytes."""
        text = self.open(path).read(MAX_JSON + 1)
        if len(text) > MAX_JSON:
            raise KeyError(f"{path} has more than {MAX_JSON >> 20} MB")
        return text

    def json(self, path, **options):
        """Read a JSON file in the archive, with the options of `json.loads`."""
        return json.loads(self.text(path), **options)

    @cached_property
    def images(self):
        """The images that `manifest.json` tells of, a list of `Image`."""
        images = [
            Image(
                _clean(image["config"]),
                [str(name) for name in image.get("repotags") or []],
                [_clean(layer) for layer in image.get("layers") or []],
            )
            for image in self.json("manifest.json", object_pairs_hook=_folded)
        ]
        _check_count(sum(1 + len(image.names) + len(image.layers) for image in images))
        return images

    def parts(self):
        """Yield what each file of the images is, and its path."""
        yield "manifest", "manifest.json"
        for image in self.images:
            yield "config", image.config
            yield from ((f"layer {i}", layer) for i, layer in enumerate(image.layers, 1))

    @cached_property
    def manifests(self):
        """What `index.json` tells containerd of: descriptors, with their images' whole names."""
        if not {"oci-layout", "index.json"} <= self.files.keys():
            return []
        told = self.json("index.json", object_pairs_hook=_folded).get("manifests") or []
        _check_count(len(told))
        return [_descriptor(manifest) for manifest in told]

    def names(self):
        """Yield each name in the archive, a store of images, and the ID that it has there.

        The store is 0, Docker's own, where an ID is the digest of a config; or 1, containerd's,
        where it is the digest of a manifest.
        """
        for image in self.images:
            digest = f"sha256:{hashlib.sha256(self.text(image.config)).hexdigest()}"
            yield from ((name, 0, digest) for name in image.names)
        for manifest in self.manifests:
            yield from ((name, 1, manifest["digest"]) for name in manifest["annotations"].values())

    def packed(self):
        """Pack the images anew, so that the Engine reads what was read here and nothing else.

        Its tar and its JSON are not read alike in Python and in Go, the Engine's language. Yields
        the pieces of the new archive, bytes; each file once, whatever links to it.
        """
        told = [
            {"Config": self._find(image.config), "RepoTags": image.names or None,
             "Layers": list(map(self._find, image.layers))} for image in self.images
        ]  # fmt: skip
        texts = {"manifest.json": told}
        paths = {path for image in told for path in (image["Config"], *image["Layers"])}
        if self.manifests:
            texts |= {"oci-layout": {"imageLayoutVersion": "1.0.0"},
                      "index.json": {"schemaVersion": 2, "manifests": self.manifests}}  # fmt: skip
            paths |= {path for path, file in self.files.items()
                      if path.startswith("blobs/") and file.isreg()}  # fmt: skip
        files = {path: self.open(path) for path in sorted(paths - texts.keys())}  # all are there
        for path, content in texts.items():
            yield from _member(path, io.BytesIO(json.dumps(content).encode()))
        for path, file in files.items():
            yield from _member(path, file)
        yield _END


def _descriptor(manifest):
    """Keep what containerd reads of a manifest's descriptor, and the name that it takes."""
    notes, digest = manifest.get("annotations") or {}, manifest["digest"]
    if manifest.get("mediatype") not in distribution.MANIFESTS:
        raise KeyError("its index tells of what is no manifest")
    name = next((distribution.parse(notes[key]) for key in _NAMES if notes.get(key)), None)
    if name and name.digest not in ("", digest):
        raise KeyError("its index gives an image another one's digest")
    kept = {key: manifest[key] for key in ("digest", "size", "platform") if key in manifest}
    kept["annotations"] = {_NAMES[0]: name.canonical} if name else {}
    return kept | {"mediaType": manifest["mediatype"]}


def _member(path, file):
    """Yield the pieces of a tar archive that hold a file."""
    header = tarfile.TarInfo(path)
    header.size = file.seek(0, 2)
    file.seek(0)
    yield header.tobuf(tarfile.PAX_FORMAT)
    yield from iter(partial(file.read, _CHUNK), b"")
    yield bytes(-header.size % _BLOCK)


def _check_count(count):
    if count > MAX_NAMES:
        raise KeyError("it tells of too many images and layers")


def _clean(path):
    """Write a path within an archive in the one way in which the Engine looks for it."""
    if "\0" in str(path):  # there the name ends for the Engine
        raise KeyError("a name in it has a zero byte")
    return posixpath.normpath(f"/{path}")[1:].lstrip("/")


def _folded(pairs):
    """Make a dict of a JSON object; the Engine takes no notice of a key's case."""
    folded = {key.casefold(): value for key, value in pairs}
    if len(folded) < len(pairs):
        raise KeyError("one key stands twice in its JSON")
    return folded
