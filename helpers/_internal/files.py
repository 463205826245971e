"""Files of the workspace: written whole or not at all, even by two kernels at once."""

import os
import tempfile

from helpers._internal.progress import Progress


def write(path, chunks, expected=0):
    """Write a stream to a file that is there whole or not at all.

    Args:
        path: The file's `Path`.
        chunks: The stream, an iterable of bytes.
        expected: How many bytes it will have, about, if that is known.
    """
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    written = 0
    try:
        with open(handle, "wb") as file, Progress() as progress:
            for chunk in chunks:
                written += file.write(chunk)
                progress.update(path.name, "Saving", written, expected)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
