"""Container images made by hand from the files of Debian packages.

An image is a few layers (tar archives) and a config (JSON) that names their digests. The image's
ID is the digest of its config. Nothing here depends on the clock or on the machine's users, so the
same packages give the same ID everywhere.
"""

import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from classroom.errors import ClassroomError

PACKAGES = ("busybox-static", "busybox", "libc6", "docker-registry")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
tty:x:5:
mail:x:8:
nogroup:x:65534:
"""
REGISTRY_CONFIG = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""

# Debian's architecture -> the image's architecture and variant
PLATFORMS = {
    "amd64": ("amd64", None),
    "arm64": ("arm64", "v8"),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v5"),
    "i386": ("386", None),
    "ppc64el": ("ppc64le", None),
    "riscv64": ("riscv64", None),
    "s390x": ("s390x", None),
}


def digest(data):
    """Return the digest by which a registry knows some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upstream(version):
    """Return the upstream part of a Debian version: `1.35.0` of `1:1.35.0-4+deb12u1`."""
    return re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version).group(1)


class Layer:
    """A layer that is being filled; every entry belongs to root and has a time from a package."""

    def __init__(self, origin, time):
        """Begin a layer.

        Args:
            origin: What the history says about it.
            time: The time of what no package has a time for, in seconds since 1970.
        """
        self.origin = origin
        self.time = int(time)
        self._entries = {}

    def folder(self, name, mode=0o755):
        """Add a folder, and the folders above it."""
        above = Path(name).parent.as_posix()
        if above != "." and above not in self._entries:
            self.folder(above)
        self._add(name, b"", type=tarfile.DIRTYPE, mode=mode)

    def file(self, name, data, mode=0o644, time=None):
        """Add a file; `data` is a text, or the path of the file to copy."""
        if isinstance(data, Path):
            time = data.stat().st_mtime
            data = data.read_bytes()
        else:
            data = data.encode()
        if Path(name).parent.as_posix() not in self._entries:
            self.folder(Path(name).parent.as_posix())
        self._add(name, data, type=tarfile.REGTYPE, mode=mode, time=time)

    def link(self, name, to):
        """Add a second name for a file of this layer."""
        self._add(name, b"", type=tarfile.LNKTYPE, mode=0o755, to=to)

    def symlink(self, name, to):
        """Add a symbolic link."""
        self._add(name, b"", type=tarfile.SYMTYPE, mode=0o777, to=to)

    def _add(self, name, data, *, type, mode, time=None, to=""):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.linkname, entry.size = type, mode, to, len(data)
        entry.mtime = self.time if time is None else int(time)
        self._entries[name] = (entry, data)

    def tar(self):
        """Return the layer as an archive, sorted by name; a link comes after its file."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            in_order = sorted(
                self._entries.values(), key=lambda item: (item[0].islnk(), item[0].name)
            )
            for entry, data in in_order:
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


@dataclass
class Image:
    """An image that is ready to be pushed."""

    repository: str
    tags: tuple
    manifest: bytes
    config: bytes
    blobs: dict = field(repr=False)  # digest -> bytes, the config and the layers

    @property
    def id(self):
        """The image's ID: the digest of its config."""
        return digest(self.config)

    @property
    def digest(self):
        """The digest by which the registry knows the image."""
        return digest(self.manifest)


def image(repository, tags, layers, *, runs, platform, level=6):
    """Put layers together to an image.

    Args:
        repository: Its name in the registry.
        tags: Its tags there.
        layers: The `Layer`s, lowest first.
        runs: The `config` part: Cmd, Env and the like.
        platform: Debian's name of the architecture.
        level: How hard to compress; the image's ID does not depend on it.

    Returns:
        An `Image`.
    """
    tars = [layer.tar() for layer in layers]
    packed = [gzip.compress(tar, level, mtime=0) for tar in tars]
    created = max(layer.time for layer in layers)
    history = [
        {"created": _time(layer.time), "created_by": layer.origin + " /"} for layer in layers
    ]
    command = json.dumps(runs["Cmd"])
    history.append({"created": _time(created), "created_by": f"CMD {command}", "empty_layer": True})
    architecture, variant = _platform(platform)
    config = {
        "architecture": architecture,
        **({"variant": variant} if variant else {}),
        "os": "linux",
        "created": _time(created),
        "config": runs,
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
    }
    config = _json(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
        "layers": [
            {"mediaType": LAYER, "size": len(layer), "digest": digest(layer)} for layer in packed
        ],
    }
    blobs = {digest(blob): blob for blob in (*packed, config)}
    return Image(repository, tuple(tags), _json(manifest), config, blobs)


def images(packages, platform, *, level=6):
    """Build the classroom's images.

    Args:
        packages: The unpacked packages, a dict from name to `packages.Package`.
        platform: Debian's name of the architecture.
        level: How hard to compress.

    Returns:
        A list of `Image`: busybox (static), busybox (with glibc), registry.
    """
    static, dynamic = packages["busybox-static"], packages["busybox"]
    registry = packages["docker-registry"]
    libc = _libc_layer(
        packages["libc6"], [_program(dynamic, "busybox"), _program(registry, "docker-registry")]
    )
    shell = {"Env": [PATH], "Cmd": ["sh"]}
    serve = {
        "Env": [PATH],
        "Entrypoint": ["/bin/registry"],
        "Cmd": ["serve", "/etc/docker/registry/config.yml"],
        "ExposedPorts": {"5000/tcp": {}},
        "Volumes": {"/var/lib/registry": {}},
    }
    plans = [
        ("library/busybox", ("latest", upstream(static.version)), [_busybox_layer(static)], shell),
        ("library/busybox", ("glibc",), [libc, _busybox_layer(dynamic, packages["libc6"])], shell),
        (
            "library/registry",
            ("2", upstream(registry.version)),
            [libc, _registry_layer(registry)],
            serve,
        ),
    ]
    return [
        image(repository, tags, layers, runs=runs, platform=platform, level=level)
        for repository, tags, layers, runs in plans
    ]


def _busybox_layer(package, libc=None):
    program = _program(package, "busybox")
    loader = _loader(libc) if libc else []  # with its own C library, not with this system's
    layer = Layer(str(package), program.stat().st_mtime)
    _system_folders(layer)
    for name in ("dev", "home", "usr/sbin", "var/spool/mail"):
        layer.folder(name)
    layer.file("bin/busybox", program, mode=0o755)
    for applet in _run([*loader, program, "--list"]).split():
        if applet != "busybox":
            layer.link(f"bin/{applet}", "bin/busybox")
    layer.symlink("usr/bin/env", "../../bin/env")
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    return layer


def _registry_layer(package):
    program = _program(package, "docker-registry")
    layer = Layer(str(package), program.stat().st_mtime)
    _system_folders(layer)
    layer.folder("var/lib/registry")
    layer.file("bin/registry", program, mode=0o755)
    layer.file("etc/docker/registry/config.yml", REGISTRY_CONFIG)
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    return layer


def _system_folders(layer):
    for name in ("bin", "etc", "usr/bin", "var"):
        layer.folder(name)
    layer.folder("root", mode=0o700)
    layer.folder("tmp", mode=0o1777)


def _libc_layer(package, programs):
    """Return a layer with the loader and the libraries that the programs need."""
    loader, _, libraries = _loader(package)
    layer = Layer(str(package), _find(package, r"libc\.so\.6").stat().st_mtime)
    needed = {}
    for program in programs:
        listed = _run([*_loader(package), "--list", program])
        for line in listed.splitlines():
            name = line.split()[0]
            if name.startswith("/"):  # the loader, under the path that programs ask for
                needed[name.lstrip("/")] = loader
            elif (libraries / name).exists():
                needed[_below_root(package, libraries / name)] = libraries / name
    for name in ("libnss_dns.so.2", "libnss_files.so.2"):  # loaded by name, to look up names
        if (libraries / name).exists():
            needed[_below_root(package, libraries / name)] = libraries / name
    for name, file in needed.items():
        layer.file(name, file.resolve(), mode=0o755)
    return layer


def _loader(package):
    """Return what to put before a program to run it with the C library of a package."""
    loader = _find(package, r"ld(-linux.*|64)\.so\.\d+")
    return [loader, "--library-path", loader.parent]


def _below_root(package, file):
    """Return a library's path in the image; every loader looks in `/lib`."""
    return file.relative_to(package.folder).as_posix().removeprefix("usr/")


def _program(package, name):
    for folder in ("bin", "usr/bin", "sbin", "usr/sbin"):
        if (package.folder / folder / name).is_file():
            return package.folder / folder / name
    raise ClassroomError(
        f"The package {package} was unpacked to {package.folder} and holds no program {name}; "
        "remove that folder and run the command again."
    )


def _find(package, pattern):
    for file in sorted(package.folder.rglob("*.so*")):
        if re.fullmatch(pattern, file.name) and file.is_file() and not file.is_symlink():
            return file
    # Older systems have ld-2.31.so and, as a link to it, the name that programs ask for.
    for file in sorted(package.folder.rglob("*.so*")):
        if re.fullmatch(pattern, file.name) and (file.parent / "libc.so.6").exists():
            return file
    raise ClassroomError(
        f"The package {package} was unpacked to {package.folder} and holds no file like {pattern}; "
        "remove that folder and run the command again."
    )


def _platform(debian):
    if debian not in PLATFORMS:
        raise ClassroomError(
            f"The images for the stand-in are built for {', '.join(PLATFORMS)}, and this machine "
            f"is {debian}; set CLASSROOM=off where Docker Hub can be reached."
        )
    return PLATFORMS[debian]


def _run(command):
    command = [str(part) for part in command]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise ClassroomError(
            f"`{' '.join(command)}` failed with code {result.returncode} "
            f"({result.stderr.strip()}); remove the folder .classroom/packages and run the "
            "command again."
        )
    return result.stdout


def _time(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value):
    return json.dumps(value, separators=(",", ":")).encode()
