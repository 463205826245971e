"""Images as a stream: a tar archive as `docker save` writes it, made piece by piece."""

import hashlib
import io
import json
import os
import tarfile
import time

_CREATED = "%Y-%m-%dT%H:%M:%SZ"


def archive(names, layers, *, labels, architecture):
    """Make an archive for `docker load` that never lies in memory as a whole.

    Args:
        names: The images' names; each names an image of its own, made of all the layers.
        layers: The layers, an iterable of bytes.
        labels: The images' labels, a dict.
        architecture: Of the Engine, such as `amd64`.

    Yields:
        Bytes.
    """
    files, digests, manifest = [], [], []
    for layer in layers:
        files.append(f"{len(files)}.tar")
        digests.append(f"sha256:{hashlib.sha256(layer).hexdigest()}")
        yield from _member(files[-1], layer)
    for number, name in enumerate(names):
        config = {
            "architecture": architecture,
            "os": "linux",
            "created": time.strftime(_CREATED, time.gmtime()),
            "config": {"Cmd": ["true"], "Labels": labels | {"number": str(number)}},
            "rootfs": {"type": "layers", "diff_ids": digests},
        }
        yield from _member(f"config-{number}.json", json.dumps(config).encode())
        manifest.append({"Config": f"config-{number}.json", "RepoTags": [name], "Layers": files})
    yield from _member("manifest.json", json.dumps(manifest).encode())
    yield bytes(2 * tarfile.BLOCKSIZE)


def layers(count, size):
    """Make layers that nothing can compress and no Engine has seen.

    Args:
        count: How many.
        size: The bytes in each.

    Yields:
        Bytes: a tar archive with one file.
    """
    for number in range(count):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            member = tarfile.TarInfo(f"random-{number}")
            member.size = size
            tar.addfile(member, io.BytesIO(os.urandom(size)))
        yield file.getvalue()


def _member(name, content):
    """Write a file as a tar archive holds it: a header, the content, zeros to a whole block."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    yield header.tobuf()
    yield content
    yield bytes(-len(content) % tarfile.BLOCKSIZE)
