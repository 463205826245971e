"""A registry of one's own: its password in a file, its list of users, and whether it answers."""

import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field

import bcrypt
import docker.errors
import requests
from docker.utils.build import create_archive

from helpers._internal import command, containers, distribution, errors, files, identity, images
from helpers._internal.connection import Secret, secret

IMAGE = "registry:2"
PASSWORD = "registry-password"  # the file that holds it, in the workspace's folder
USERS = "htpasswd"  # the list of users: a file there, and one in the registry's container
START_TIMEOUT = 20  # seconds until it must answer
RANDOM = "random-"  # so begins a password that nobody has chosen
SETTINGS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "classroom",
    "REGISTRY_AUTH_HTPASSWD_PATH": f"/{USERS}",
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


def check(password, action="choose a password for your registry"):
    """Return a password as a `Secret`, or refuse one that bcrypt, HTTP or docker can't carry."""
    printable = r"[^\0-\x1f\x7f\ud800-\udfff]+"  # bcrypt ends at NUL, a file's line at its end
    fits = (
        isinstance(password, str)
        and re.fullmatch(printable, password)
        and len(password.encode()) <= 72  # bcrypt reads no more
        and password == password.strip()  # `docker login` takes spaces off
    )
    password = secret(password)
    if not fits:
        raise errors.InvalidInput(
            action,
            "a password has 1 to 72 bytes (a letter beyond ASCII has 2 to 4), on one line, with no"
            " space at either end",
            "Choose another: registry.private(password=getpass())",
        )
    return password


def read(path):
    """Read the password from its file, without the line's end that an editor puts there."""
    action = f"read {path.as_posix()}"
    with errors.translate_errors(action):
        try:
            text = Secret(path.read_bytes().decode(errors="surrogateescape"))
        except FileNotFoundError:
            problem = "the file with your registry's password is gone"
            hint = "Make a new one, which your registry then takes: registry.start()"
            raise errors.AccessDenied(action, problem, hint) from None
    return check(text.removesuffix("\n").removesuffix("\r"), action)


def choose(path, password=None):
    """Write a password to its file; without one, make one at random unless the file is there."""
    with errors.translate_errors(f"write {path.as_posix()}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if password is not None:
            files.write(path, [password.encode()])
        elif not path.exists():
            with suppress(FileExistsError):  # another kernel was faster
                chosen = (RANDOM + secrets.token_urlsafe(12)).encode()
                files.write(path, [chosen], publish=os.link)


def accepts_login(store):
    """Return whether a registry answers that takes its password, and nobody without."""
    return status(store, (store.user, store.password)) == 200 and status(store) == 401


def status(store, auth=None):
    """Return the HTTP status by which a registry answers; `None` where nothing answers."""
    try:
        return distribution.get(f"http://{store.address}/v2/", auth=auth).status_code
    except requests.HTTPError as err:
        return err.response.status_code
    except requests.RequestException:
        return None


def find(api):
    """Return your own registry, whether it runs or not; `None` where there is none."""
    global last_port
    with errors.translate_errors("look for your own registry"):
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


def check_own(api, registry):
    """Refuse an address for which no user and no password is known."""
    if isinstance(registry, Registry):
        return  # also where it was removed: that nothing answers there, the Engine says
    if str(registry).replace("localhost:", "127.0.0.1:") != str(find(api)):
        raise errors.InvalidInput(
            f"docker login {registry}", "a user and a password are wanted",
            "Give username= and password=; for your own registry: registry.login(registry.start())",
        )  # fmt: skip


def _options(store):
    name, port = identity.prefixed("registry"), int(store.address.rpartition(":")[2])
    return containers.Options(name=name, publish=f"{port}:5000", env=SETTINGS), port


def lines(store):
    """Write the commands that make it: create the container, let its user in, start."""
    options, port = _options(store)
    return [
        command.line("docker", "create", *options.words(port), IMAGE),
        command.line("docker", "cp", identity.place(USERS).as_posix(), f"{options.name}:/{USERS}"),
        command.line("docker", "start", options.name),
    ]


def run(api, store):
    """Bring it to where it runs and takes its password, from wherever it stands."""
    name = identity.prefixed("registry")
    _write_users(store)
    if accepts_login(store):
        return store
    fresh = _create(api, store)
    _copy_users(api)
    if fresh:
        containers.begin(api, name)
    else:
        api.start(name)
    store = find(api) or store  # another kernel may have been faster
    end = time.monotonic() + START_TIMEOUT
    while not accepts_login(store):
        if time.monotonic() > end:
            problem = f"the registry at {store} gives no answer"
            hint = (f"If its port was taken before, type docker network connect bridge {name}; "
                    "else look at its logs: containers.logs('registry')")  # fmt: skip
            raise errors.RegistryUnreachable("", problem, hint)
        if status(store):  # it began without the list, and made one of its own
            _write_users(store)
            _copy_users(api)
        time.sleep(0.05)  # nothing tells when a port begins to answer
    return store


def _write_users(store):
    """Write the list of users, with a hash of the password."""
    hashed = bcrypt.hashpw(store.password.encode(), bcrypt.gensalt(5, prefix=b"2a"))
    files.write(identity.place(USERS), [store.user.encode() + b":" + hashed + b"\n"])


def _copy_users(api):
    """Copy the list into the container; the registry reads it again when its time is another."""
    with create_archive(identity.place(USERS).parent, [USERS]) as packed:
        api.put_archive(identity.prefixed("registry"), "/", packed)


def _create(api, store):
    """Create the container where there is none; return whether it did."""
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
