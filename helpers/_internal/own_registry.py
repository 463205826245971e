"""A registry of one's own: its password in a file, its list of users, and whether it answers."""

import contextlib
import io
import os
import re
import secrets
import tarfile
import tempfile
import time
from dataclasses import dataclass, field

import bcrypt
import docker.errors
import requests

from helpers._internal import (
    command,
    connection,
    containers,
    distribution,
    errors,
    identity,
    images,
)

IMAGE = "registry:2"
PASSWORD = "registry-password"  # the file that holds it, in the workspace's folder
START_TIMEOUT = 20  # seconds until it must answer
RANDOM = "random-"  # so begins a password that nobody has chosen
HTPASSWD = "/htpasswd"  # the list of users, in the registry's container
SETTINGS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "classroom",
    "REGISTRY_AUTH_HTPASSWD_PATH": HTPASSWD,
}

last_port = 5052  # where it was last: made anew, it comes back there if it can


@dataclass(frozen=True)
class Registry:
    """A private registry, as `registry.private` starts it. In an f-string it is its address.

    Attributes:
        address: `host:port`, where a name of an image begins.
        user: The one user whom it lets in, the workspace's name.
        password: That user's password, as it lies in the file that only you can read.
    """

    address: str
    user: str = field(default_factory=identity.name)

    def __str__(self):
        return self.address

    @property
    def password(self):
        return read(identity.place(PASSWORD))


def check(password, tried="choose a password for your registry"):
    """Return a password as a `Secret`, or refuse one that bcrypt, HTTP or docker can't carry.

    Raises:
        InvalidInput: It is no text of 1 to 72 bytes, or has what would be cut off on the way.
    """
    printable = r"[^\0-\x1f\x7f\ud800-\udfff]+"  # bcrypt ends at NUL, a file's line at its end
    fits = (
        isinstance(password, str)
        and re.fullmatch(printable, password)
        and len(password.encode()) <= 72  # bcrypt reads no more
        and password == password.strip()  # `docker login` takes spaces off
    )
    password = connection.Secret(password)
    if not fits:
        raise errors.InvalidInput(
            tried,
            "a password has 1 to 72 bytes (a letter beyond ASCII has 2 to 4), on one line, with no"
            " space at either end",
            "Choose another: registry.private(password=getpass())",
        )
    return password


def read(path):
    """Read the password from its file, without the line's end that an editor puts there.

    Raises:
        AccessDenied: There is no such file.
        InvalidInput: What is in it can be no password.
    """
    tried = f"read {path.as_posix()}"
    with errors.translate_errors(tried):
        try:
            text = connection.Secret(path.read_bytes().decode(errors="surrogateescape"))
        except FileNotFoundError:
            raise errors.AccessDenied(
                tried,
                "the file with your registry's password is gone",
                "Make a new one, which your registry then takes: registry.start()",
            ) from None
    return check(text.removesuffix("\n").removesuffix("\r"), tried)


def choose(path, password=None):
    """Write a password to its file; without one, make one at random unless the file is there."""
    with errors.translate_errors(f"write {path.as_posix()}"):
        if password is not None:
            publish(path, password.encode())
        elif not path.exists():
            publish(path, (RANDOM + secrets.token_urlsafe(12)).encode(), keep=True)


def publish(path, content, *, keep=False):
    """Write a file that only its owner can read, so that no other kernel finds half of it.

    Args:
        path: The file's `Path`.
        content: Bytes.
        keep: Leave a file that is there by then, for another kernel was faster.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # its mode is 0600
    try:
        with open(handle, "wb") as file:
            file.write(content)
        if keep:
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        else:
            os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def htpasswd(store, path):
    """Derive the list of users from the password, write it to a file, and return it as bytes.

    Args:
        store: A `Registry`: what has a `user` and a `password`.
        path: The file's `Path`.
    """
    hashed = bcrypt.hashpw(store.password.encode(), bcrypt.gensalt(5, prefix=b"2a"))
    users = store.user.encode() + b":" + hashed + b"\n"
    publish(path, users)
    return users


def archive(users):
    """Pack the list of users as a tar archive, as bytes, for the root of the container."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        member = tarfile.TarInfo(HTPASSWD.lstrip("/"))
        # The registry reads the file again when its time is another one.
        member.size, member.mode, member.mtime = len(users), 0o600, time.time()
        file.addfile(member, io.BytesIO(users))
    return packed.getvalue()


def accepts_login(store):
    """Return whether a registry answers that takes its password, and nobody without."""
    return status(store, (store.user, store.password)) == 200 and status(store) == 401


def status(store, auth=None):
    """Return the HTTP status by which a registry answers; `None` where nothing answers.

    Args:
        store: A `Registry`: what has an `address`.
        auth: A user and a password; a stranger asks if left out.
    """
    try:
        return distribution.get(f"http://{store.address}/v2/", auth=auth).status_code
    except requests.HTTPError as err:
        return err.response.status_code
    except requests.RequestException:
        return None


def find(api):
    """Return your own registry, whether it runs or not; `None` where there is none.

    Args:
        api: A `docker.APIClient`.

    Raises:
        NotOwned: The container's name belongs to something that is not ours.
    """
    global last_port
    try:
        container = identity.check_container(api, identity.prefixed("registry"))
    except docker.errors.NotFound:
        return None
    now = (container["NetworkSettings"]["Ports"] or {}).get("5000/tcp")
    bound = now or (container["HostConfig"]["PortBindings"] or {}).get("5000/tcp")
    if not (bound and bound[0]["HostPort"]):
        return None
    last_port = int(bound[0]["HostPort"])
    return Registry(f"127.0.0.1:{last_port}")


def _options(store):
    name, port = identity.prefixed("registry"), int(store.address.rpartition(":")[2])
    return containers.Options(name=name, publish=f"{port}:5000", env=SETTINGS), port


def lines(store):
    """Write the commands that make it: create the container, let its user in, start."""
    options, port = _options(store)
    users = identity.place("htpasswd").as_posix()
    return [
        command.line("docker", "create", *options.words(port), IMAGE),
        command.line("docker", "cp", users, f"{options.name}:{HTPASSWD}"),
        command.line("docker", "start", options.name),
    ]


def run(api, store):
    """Bring it to where it runs and takes its password, from wherever it stands."""
    name, file = identity.prefixed("registry"), identity.place("htpasswd")
    users = htpasswd(store, file)
    if accepts_login(store):
        return store
    fresh = _create(api, store)
    api.put_archive(name, "/", archive(users))
    _start(api, store, fresh)
    store = find(api) or store  # another kernel may have been faster
    end = time.monotonic() + START_TIMEOUT
    while not accepts_login(store):
        if time.monotonic() > end:
            raise errors.RegistryUnreachable(
                "", f"the registry at {store} gives no answer",
                "Look at its logs: containers.logs('registry')")  # fmt: skip
        if status(store):  # it began without the list, and made one of its own
            api.put_archive(name, "/", archive(htpasswd(store, file)))
        time.sleep(0.05)  # nothing tells when a port begins to answer
    return store


def _create(api, store):
    """Create the container where there is none; tells whether it did."""
    options, port = _options(store)
    arguments, end = options.arguments(api, port), time.monotonic() + START_TIMEOUT
    while find(api) is None:
        try:
            api.create_container(IMAGE, **arguments)
            return True
        except docker.errors.ImageNotFound:
            images.pull(api, IMAGE)
        except docker.errors.APIError as err:
            if err.status_code != 409 or time.monotonic() > end:
                raise
            time.sleep(0.05)  # another kernel has the name, and the container in a moment
    return False


def _start(api, store, fresh):
    """Start the container; a new one whose port is taken goes, and is made on another."""
    name = identity.prefixed("registry")
    try:
        api.start(name)
    except docker.errors.APIError as err:
        if fresh:
            api.remove_container(name, v=True)
            raise
        if not isinstance(errors.explain(err, "docker start"), errors.Conflict):
            raise
        wrong = f"something else listens on {store}, and your registry can't start there"
        todo = "End that, or give the registry up with containers.rm('registry')"
        raise errors.Conflict("", wrong, todo) from err
