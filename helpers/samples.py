"""What a cell needs from before, made by one call; the commands that make it stand folded."""

from helpers import containers, images
from helpers._internal.command import folded


def file_system(file):
    """Write the root file system of a container with a file `/hello.txt` to a tar archive.

    Args:
        file: The archive's name; it lies in the folder `files`.
    """
    with folded():
        containers.run("busybox", "sh -c 'echo hello > /hello.txt'", name="box")
        images.export("box", file)


def hello(reference):
    """Make an image from `busybox`: a second layer with `/hello.txt`, a command, a variable.

    Args:
        reference: The new image's name, in your own namespace.

    Returns:
        That name.
    """
    with folded():
        containers.run("busybox", "sh -c 'echo hello > /hello.txt'", name="box")
        change = ['CMD ["cat", "/hello.txt"]', "ENV COURSE=docker"]
        images.commit("box", reference, change=change)
    return reference
