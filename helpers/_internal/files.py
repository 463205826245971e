"""Files of the workspace: written whole or not at all, even by two kernels at once."""

import os
import tempfile
from contextlib import suppress

from helpers._internal.progress import Progress


def write(path, chunks, expected=0, *, publish=os.replace):
    """Write a stream of about so many bytes to a file; `publish` gives the whole one its name."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # its mode is 0600
    written = 0
    try:
        with open(handle, "wb") as file, Progress() as progress:
            for chunk in chunks:
                written += file.write(chunk)
                progress.update(path.name, "Saving", written, expected)
        publish(part, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)
