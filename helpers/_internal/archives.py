"""Tar archives: read within limits, and sent to the Engine as they were read."""

import bz2
import gzip
import hashlib
import json
import lzma
import math
import posixpath
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

from helpers._internal import errors

MAX_HEADERS = 8 << 20  # bytes of headers: those of some 15,000 files of an image's archive
MAX_FILES = 100_000  # of a root file system; that of a Debian has 10,000 to 40,000
MORE_HEADERS = 2 << 10  # bytes that each of these files may add to MAX_HEADERS
MAX_JSON = 4 << 20  # bytes of one JSON file
MAX_NAMES = 1000  # images, names and layers that one archive tells of
MAX_UNPACKED = 512 << 20  # bytes that a compressed archive may become
_CHUNK = 2**16  # bytes read at once; for larger ones the memory comes anew from the system
_UNPACK = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
_NAMES = {"io.containerd.image.name", "org.opencontainers.image.ref.name"}  # in an index


class Image(NamedTuple):
    """An image in an archive, as its `manifest.json` tells.

    Attributes:
        config: The path of its config.
        names: Its names, a list of str.
        layers: The paths of its layers, a list of str.
    """

    config: str
    names: list
    layers: list


@contextmanager
def opened(path):
    """Open a whole tar archive; whatever is wrong with it is a `InvalidArchive`.

    Args:
        path: The file's `Path`.

    Yields:
        An `Archive`.
    """
    with _tar(path) as (tar, part):
        tar.getmembers()
        _check_end(tar, part)
        yield Archive(tar)


def check_whole(path):
    """Refuse what is no whole tar archive; one of any size is read, and nothing of it is kept.

    Args:
        path: The file's `Path`.

    Raises:
        InvalidArchive: It is not there, is cut short, or has more than `MAX_FILES` files.
    """
    with _tar(path) as (tar, part):
        for number, _ in enumerate(iter(tar.next, None)):
            if number == MAX_FILES:
                raise _TooLarge(f"has more than {MAX_FILES:,} files")
            tar.members, tar.pax_headers = [], {}
            part.left = min(part.left + MORE_HEADERS, MAX_HEADERS)
        _check_end(tar, part)


@contextmanager
def _tar(path):
    """Open a tar archive; yields a `tarfile.TarFile` and the `_Limited` that it reads."""
    try:
        with _plain(path) as file, tarfile.open(fileobj=(part := _Limited(file)), mode="r:") as tar:
            yield tar, part
    except (FileNotFoundError, IsADirectoryError) as err:
        todo = "Save or export it first"
        raise errors.InvalidArchive("", f"there is no file {path.as_posix()}", todo) from err
    except _TooLarge as err:
        todo = "Unpack it first, as gunzip does, or use docker in a terminal if you trust it"
        raise errors.InvalidArchive("", f"{path.as_posix()} {err}", todo) from err
    except (KeyError, TypeError, AttributeError, RecursionError) as err:
        wrong = f"{path.as_posix()} is no archive of an image: {err.args[0]}"
        raise errors.InvalidArchive("", wrong, "Use images.import_ for a root file system") from err
    except (tarfile.TarError, ValueError, EOFError) as err:
        wrong = f"{path.as_posix()} is not a whole tar archive"
        raise errors.InvalidArchive("", wrong, "Save or export it again") from err


def _check_end(tar, part):
    """Refuse an archive that does not end in zeros; what is read from here on has other limits."""
    part.left = math.inf
    part.seek(tar.offset)
    if part.read(512) != bytes(512):
        raise tarfile.ReadError("cut short")


class _TooLarge(Exception):
    """A small archive would take more time or memory than any that docker writes."""


class _Limited:
    """A file of which only so many bytes can be read, so that no header fills the memory."""

    def __init__(self, file):
        self.left, self._file = MAX_HEADERS, file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def read(self, size):
        self.left -= size
        if self.left < 0:
            raise _TooLarge("has more headers than the lessons read")
        return self._file.read(size)


@contextmanager
def _plain(path):
    """Open a file; what is compressed is unpacked to a temporary file first."""
    with path.open("rb") as file, tempfile.TemporaryFile() as unpacked:
        unpack = _UNPACK.get(file.peek(2)[:2])
        if unpack is None:
            yield file
            return
        packed = unpack(file)
        while piece := _read(packed):
            if unpacked.tell() > MAX_UNPACKED:
                raise _TooLarge(f"unpacks to more than {MAX_UNPACKED >> 20} MB")
            unpacked.write(piece)
        unpacked.seek(0)
        yield unpacked


def _read(packed):
    try:
        return packed.read(_CHUNK)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as err:
        raise tarfile.ReadError(str(err)) from err


class Archive:
    """The files in a tar archive by their paths, each cleaned as the Engine cleans it.

    Args:
        archive: A `tarfile.TarFile`, open for reading.
    """

    def __init__(self, archive):
        self._archive = archive

    @cached_property
    def files(self):
        """The files, links among them, a dict of `tarfile.TarInfo` by path."""
        members = [one for one in self._archive.getmembers() if not one.isdir()]
        files = {_clean(one.name): one for one in members}
        if len(files) < len(members):
            raise KeyError("two files in it have one name")
        return files

    def open(self, path):
        """Open a file in the archive, or the one that it is a link to.

        Args:
            path: Its path.

        Returns:
            A binary file.
        """
        path = _clean(path)
        if path not in self.files:
            raise KeyError(f"filename {path!r} not found")
        member = self.files[path]
        if member.issym():
            member = self.files[_clean(posixpath.join(posixpath.dirname(path), member.linkname))]
        elif member.islnk():
            member = self.files[_clean(member.linkname)]
        if not member.isreg() or member.issparse():  # docker writes no files with holes
            raise KeyError(f"{path} is no file in it")
        return self._archive.extractfile(member)

    def size(self, path):
        """Tell a file's size in bytes, that of its target where it is a link."""
        return self.open(path).seek(0, 2)

    def text(self, path):
        """Read a small file in the archive, as bytes."""
        text = self.open(path).read(MAX_JSON + 1)
        if len(text) > MAX_JSON:
            raise KeyError(f"{path} has more than {MAX_JSON >> 20} MB")
        return text

    def json(self, path, **options):
        """Read a JSON file in the archive.

        Args:
            path: Its path.
            options: Those of `json.loads`.
        """
        return json.loads(self.text(path), **options)

    @cached_property
    def images(self):
        """The images that `manifest.json` tells of, a list of `Image`."""
        images = [
            Image(
                _clean(one["config"]),
                [str(name) for name in one.get("repotags") or []],
                [_clean(layer) for layer in one.get("layers") or []],
            )
            for one in self.json("manifest.json", object_pairs_hook=_folded)
        ]
        if sum(1 + len(one.names) + len(one.layers) for one in images) > MAX_NAMES:
            raise KeyError("it tells of too many images and layers")
        return images

    @cached_property
    def _index(self):
        """What `index.json` says, where the archive is one of those that containerd reads."""
        if not {"oci-layout", "index.json"} <= self.files.keys():
            return None
        return self.json("index.json", object_pairs_hook=_folded)

    def names(self):
        """Tell which image each name in the archive belongs to.

        Returns:
            A dict by the names: the IDs that its image has in Docker's own store (digests of
            configs), and those in containerd's (digests of manifests); two sets of str.
        """
        index = (self._index or {}).get("manifests") or []
        found = {}
        for one in self.images:
            image = f"sha256:{hashlib.sha256(self.text(one.config)).hexdigest()}"
            for name in one.names:
                found.setdefault(name, (set(), set()))[0].add(image)
        if len(index) > MAX_NAMES:
            raise KeyError("it tells of too many images")
        for one in index:
            notes = one.get("annotations") or {}
            for name in [notes[key] for key in _NAMES & notes.keys()]:
                found.setdefault(name, (set(), set()))[1].add(one["digest"])
        return found

    def packed(self):
        """Pack the images anew, so that the Engine reads what was read here and nothing else.

        Its tar and its JSON are not read alike in Python and in Go, the Engine's language.

        Yields:
            Pieces of the new archive, bytes.
        """
        manifest = [
            {"Config": one.config, "RepoTags": one.names or None, "Layers": one.layers}
            for one in self.images
        ]
        paths = {path for one in self.images for path in (one.config, *one.layers)}
        texts = {"manifest.json": manifest}
        if self._index:
            texts |= {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": self._index}
            paths |= {path for path in self.files if path.startswith("blobs/")}
        sizes = {path: self.size(path) for path in sorted(paths - texts.keys())}  # all are there
        for path, content in texts.items():
            content = json.dumps(content).encode()
            yield _header(path, len(content)) + content + _padding(len(content))
        for path, size in sizes.items():
            yield _header(path, size)
            file = self.open(path)
            while piece := file.read(_CHUNK):
                yield piece
            yield _padding(size)
        yield bytes(1024)


def _clean(path):
    """Write a path within an archive in the one way in which the Engine looks for it."""
    return posixpath.normpath(f"/{path}")[1:].lstrip("/")


def _folded(pairs):
    """Make a dict of a JSON object; the Engine takes no notice of a key's case."""
    folded = {key.casefold(): value for key, value in pairs}
    if len(folded) < len(pairs):
        raise KeyError("one key stands twice in its JSON")
    return folded


def _header(path, size):
    header = tarfile.TarInfo(path)
    header.size = size
    return header.tobuf(tarfile.PAX_FORMAT)


def _padding(size):
    return bytes(-size % 512)
