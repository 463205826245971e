"""Lesson 1, the image store: search, names and tags, a registry of one's own, login."""

import contextlib
import io
import itertools
import json
import operator
import os
import re
import secrets
import tarfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import bcrypt
import docker.errors
import docker.utils
import pandas as pd
import psutil
import requests

from helpers import containers, engine, images, tables, workspace
from helpers._internal import command, distribution, errors
from helpers._internal.command import operands, shown

try:
    import fcntl
except ImportError:  # Windows has none: there, two kernels at the same moment are not kept apart
    fcntl = None

_ATTESTATION = "unknown/unknown"  # stands in the place of a platform, and is none
_IMAGE = "registry:2"
_HTPASSWD = "/htpasswd"
_SETTINGS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "classroom",
    "REGISTRY_AUTH_HTPASSWD_PATH": _HTPASSWD,
}


def search(term, *, official=None, stars=0, limit=25, client=None):
    """Search the registry's index for repositories, as `docker search` does.

    Args:
        term: What to look for in names and descriptions.
        official: `True` keeps only Docker Official Images, `False` only the others.
        stars: Keep only repositories with at least this many stars.
        limit: How many rows to ask for, 1 to 100.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a repository, most stars first:
        name (str), description (str), stars (int64), official (bool).

    Raises:
        BadOption: `limit` is out of range.
        HubUnreachable: The Engine could not reach Docker Hub.
        RegistryUnreachable: The Engine could not reach the classroom's index.

    Source: Engine API `GET /images/search`.
    """
    index = engine.sources().index
    term = f"{index}/{term}" if index else term
    _check_limit(limit, f"docker search --limit {limit}")
    filters = {}
    if official is not None:
        filters["is-official"] = [str(bool(official)).lower()]
    if stars:
        filters["stars"] = [str(stars)]
    options = [word for key in filters for word in ("--filter", f"{key}={filters[key][0]}")]
    if limit != 25:
        options += ["--limit", limit]
    with shown(command.line("docker", "search", *options, *operands(term))):
        frame = found(client or engine.connect(), term, limit, filters)
    return tables.made_by(
        frame,
        *("docker", "search"),
        asked={key: values[0] for key, values in filters.items()},
        rest=["--limit", limit, *operands(term)] if limit != 25 else operands(term),
        filters={"official": "is-official", "stars": "stars"},
    )


def _check_limit(limit, tried):
    if not (isinstance(limit, int) and 1 <= limit <= 100):
        raise errors.BadOption(tried, "a list has 1 to 100 rows", "Write limit=25")


def found(client, term, limit, filters):
    """Search as `search` does, without showing the command."""
    asked = {"term": term, "limit": limit, "filters": json.dumps(filters)}
    api = client.api
    try:
        hits = api._result(api._get(api._url("/images/search"), params=asked), json=True) or []
    except docker.errors.APIError as err:
        if distribution.split(term)[0]:
            raise
        # what the Engine says of a bad answer does not name Docker Hub
        raise docker.errors.DockerException(f"index.docker.io: {err.explanation}") from err
    rows = [
        (hit.get("name", ""), hit.get("description", ""), hit.get("star_count", 0),
         bool(hit.get("is_official"))) for hit in hits
    ]  # fmt: skip
    frame = tables.framed(rows, name="str", description="str", stars="int64", official=bool)
    return frame.sort_values(["stars", "name"], ascending=[False, True], ignore_index=True)


def reference(name):
    """Take an image's name apart, and fill in what Docker fills in.

    Args:
        name: A name as one types it, such as `busybox` or `127.0.0.1:5052/ada/hello:1.0`.

    Returns:
        A DataFrame, a row a part in the order in which the name is written:
        part (str), value (str, empty where there is none), filled_in (bool).

    Raises:
        NoSuchImage: No image can have such a name.

    Source: https://pkg.go.dev/github.com/distribution/reference (its grammar)
    """
    whole = distribution.parse(name)
    rows = [(part, value, part in whole.filled_in) for part, value in whole.parts().items()]
    return tables.framed(rows, part="str", value="str", filled_in=bool)


def tag(source, target, *, client=None):
    """Give an image one more name, as `docker tag` does.

    Args:
        source: A name or an ID that the image has.
        target: The new name. It lies in your own namespace, as in `ada/busybox:1`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame like that of `images.ls`, with both names.

    Raises:
        NameTaken: The new name is not in your namespace.
        NoSuchImage: There is no image `source`.

    Source: Engine API `POST /images/{name}/tag`.
    """
    images.check_owned(target, f"docker tag {source} {target}")
    client = client or engine.connect()
    source = images.chosen(source, client=client)
    with shown(command.line("docker", "tag", *operands(source, target))):
        client.api.tag(source, *docker.utils.parse_repository_tag(target))
        return images.listed(client, [distribution.parse(source).familiar, target])


def tags(repository, *, limit=10):
    """List the tags of a repository in its registry.

    docker has no command for this: the registry's own API answers. Docker Hub counts a look at
    a manifest as a pull, so there its website's API is asked, which does not.

    Args:
        repository: A repository, such as `busybox` or `127.0.0.1:5052/ada/hello`.
        limit: How many tags to show, 1 to 100, the first in the alphabet.

    Returns:
        A DataFrame, a row a tag and platform: tag (str), digest (str, what the tag names),
        size (int64, bytes of the compressed layers), platform (str, such as linux/amd64).

    Raises:
        BadOption: `limit` is out of range.
        NoSuchImage: The registry has no such repository.
        AccessDenied: The registry wants a login first.
        RegistryUnreachable: Nothing answers there.

    Source: https://distribution.github.io/distribution/spec/api/ (`GET /v2/<name>/tags/list`,
    `GET /v2/<name>/manifests/<reference>`) and, on Docker Hub,
    https://docs.docker.com/reference/api/hub/latest/ (`GET /v2/namespaces/{}/repositories/{}/tags`)
    """
    _check_limit(limit, f"list {limit} tags of {repository}")
    host, path = distribution.locate(repository)
    if host == distribution.HUB:
        url = f"https://hub.docker.com/v2/repositories/{path}/tags?page_size={limit}"
        with shown(command.line("curl", url)), distribution.understood("hub.docker.com"):
            rows = [
                (one["name"], one.get("digest") or image.get("digest"), image["size"],
                 _platform(image)) for one in distribution.get(url).json()["results"]
                for image in one["images"] if _platform(image) != _ATTESTATION
            ]  # fmt: skip
            return _tags_frame(rows)
    with shown(_curl(host, f"{path}/tags/list")), distribution.understood(host):
        names = sorted(distribution.ask(host, f"{path}/tags/list").json()["tags"] or [])[:limit]
        rows = []
        for name in names:
            answer = distribution.ask(host, f"{path}/manifests/{name}")
            for manifest, platform in _platforms(host, path, answer.json()):
                size = sum(layer["size"] for layer in manifest["layers"])
                rows.append((name, answer.headers["Docker-Content-Digest"], size, platform))
        return _tags_frame(rows)


def _tags_frame(rows):
    rows = [(tag, digest, operator.index(size), platform) for tag, digest, size, platform in rows]
    frame = tables.framed(rows, tag="str", digest="str", size="int64", platform="str")
    return frame.sort_values(["tag", "platform"], ignore_index=True)


def _platforms(host, path, manifest):
    """Yield each platform's manifest with the platform's name."""
    if "manifests" in manifest:
        for one in manifest["manifests"]:
            platform = _platform(one.get("platform") or {})
            if platform != _ATTESTATION:
                inner = distribution.ask(host, f"{path}/manifests/{one['digest']}").json()
                yield inner, platform
    else:
        config = distribution.ask(host, f"{path}/blobs/{manifest['config']['digest']}").json()
        yield manifest, _platform(config)


def _platform(config):
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    return "/".join(filter(None, parts))


@dataclass(frozen=True)
class Registry:
    """A private registry, as `private` starts it. In an f-string it is its address.

    Attributes:
        address: `host:port`, where a name of an image begins.
        user: The one user whom it lets in.
        password: That user's password; it lies in this kernel's memory only.
    """

    address: str
    user: str
    password: str = field(repr=False)

    def __str__(self):
        return self.address


_user = None  # the workspace's name, unless `private` was given another
# a new one for each kernel; only its hash is written
_BY_CHANCE = engine.Secret(secrets.token_urlsafe(12))
_password = _BY_CHANCE


def private(*, user=None, password=None, client=None):
    """Run a registry of your own that wants a password; reuse it where it runs already.

    The container is the distribution project's `registry:2` on a free port of 127.0.0.1. The
    file `htpasswd` holds a bcrypt hash of the password, not the password.

    Args:
        user: The user whom it lets in; the workspace's name if left out.
        password: That user's password; one of this kernel's own, made by chance, if left out.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A `Registry`; `f"{store}/ada/hello"` is a name in it.

    Raises:
        NameTaken: The container's name belongs to something that is not ours.
        RegistryUnreachable: It did not answer within 20 s.

    Source: Engine API `POST /containers/create`, `PUT /containers/{id}/archive`,
    `POST /containers/{id}/start`; https://distribution.github.io/distribution/about/configuration/
    """
    client = client or engine.connect()
    password = password and engine.Secret(password)
    _remember(user, password)
    with errors.explained("docker pull registry:2"):
        image = images.provided(_IMAGE, client=client)
        first = [images.pull_line(_IMAGE, client=client)] if image != _IMAGE else []

    def make(port):
        with shown(*first, *_lines(_known(port), image)):
            return _run(_known(port), image, client)

    with errors.explained("look for your own registry"):
        there = existing(client=client)
    return make(there.address.split(":")[1]) if there else workspace.on_free_port(5052, make)


def _lines(store, image):
    """Write the commands that make the registry's container: create it, let its user in, start."""
    name = workspace.prefixed("registry")
    env = [word for key, value in _SETTINGS.items() for word in ("-e", f"{key}={value}")]
    options = ["--name", name, "--label", workspace.label(), *containers.LOG_OPTIONS]
    options += ["-p", f"{store}:5000", *env]
    return [
        command.line("docker", "create", *options, image),
        command.line("docker", "cp", _file().as_posix(), f"{name}:{_HTPASSWD}"),
        command.line("docker", "start", name),
    ]


def start(*, client=None):
    """Start your own registry where it does not run, and make it first where it is not there.

    It shows what it has to do, of the commands that `private` shows.

    Args:
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The `Registry`, as `private` gives it.

    Raises:
        NameTaken: The container's name belongs to something that is not ours.
        RegistryUnreachable: It did not answer within 20 s.

    Source: Engine API `POST /containers/{id}/start`.
    """
    client = client or engine.connect()
    with errors.explained("look for your own registry"):
        store = existing(client=client)
    if store is None:
        return private(client=client)
    lines = _lines(store, _IMAGE)
    with shown(*lines[2 if lets_in(store) else 1 :]):
        return _run(store, _IMAGE, client)


def _remember(user, password):
    """Remember who was chosen to get in."""
    global _user, _password
    _user, _password = user or _user, password or _password


def existing(*, client):
    """Tell of your own registry, whether it runs or not; neither make it nor start it.

    Args:
        client: A `docker.DockerClient`.

    Returns:
        The `Registry` with the password that this kernel knows; `None` where there is none.

    Raises:
        NameTaken: The container's name belongs to something that is not ours.
    """
    there = containers.found(workspace.prefixed("registry"), client=client)
    if there is None:
        return None
    now = (there["NetworkSettings"]["Ports"] or {}).get("5000/tcp")
    bound = now or (there["HostConfig"]["PortBindings"] or {}).get("5000/tcp")
    return _known(bound[0]["HostPort"]) if bound else None


def has_own_password():
    """Tell whether `private` was given a password in this kernel, and made none by chance."""
    return _password != _BY_CHANCE


def _known(port):
    return Registry(f"127.0.0.1:{port}", _user or workspace.name(), _password)


def _run(store, image, client):
    """Make the registry's container where there is none, and see that it knows the user."""
    if lets_in(store):
        return store
    name = workspace.prefixed("registry")
    with _one_kernel():  # until it answers: one that starts must find its file of users
        store = existing(client=client) or store  # another kernel may have been faster
        store = _let_in(store, _others(name, client))
        _start(name, store, image, client)
        end = time.monotonic() + 20
        while not lets_in(store):
            if time.monotonic() > end:
                raise errors.RegistryUnreachable(
                    f"docker start {name}", f"the registry at {store} gives no answer",
                    "Look at its logs: containers.logs('registry')")  # fmt: skip
            time.sleep(0.05)  # nothing tells when a port begins to answer
    return store


def _start(name, store, image, client):
    """Make the container where there is none, give it the file of users, and start it."""
    port = {5000: ("127.0.0.1", int(store.address.split(":")[1]))}
    fresh = containers.found(name, client=client) is None
    if fresh:
        try:
            containers.created(image, name=name, env=_SETTINGS, ports=port, client=client)
        except docker.errors.APIError as err:
            if err.status_code != 409:
                raise
            fresh = False  # another kernel was faster
    client.api.put_archive(name, "/", _tar(_HTPASSWD, _file().read_bytes()))
    try:
        containers.started(client, name)
    except docker.errors.APIError as err:
        if fresh:  # another took the port meanwhile; the next run finds a free one
            client.api.remove_container(name, v=True)
            raise
        todo = "End that, or give the registry up with containers.rm('registry')"
        wrong = f"the registry does not start, perhaps for something else listens on {store}"
        raise errors.PortBusy(f"docker start {name}", wrong, todo) from err


@contextlib.contextmanager
def _one_kernel():
    """Keep this person's other kernels waiting, so that none overwrites whom another lets in."""
    with _file().open("a") as file:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _others(name, client):
    """Read whom the registry lets in for other kernels that still run: user -> line.

    A line's comment names the kernel's process, so that what a kernel has left can be told.
    """
    if containers.found(name, client=client) is None:
        return {}
    with containers.opened(name, _HTPASSWD, client=client) as file:
        lines = file.read().decode().splitlines() if file else []
    found = zip(lines[::2], lines[1::2], strict=False)
    alive = [f"{who}\n{line}" for who, line in found if who != _process() and _runs(who)]
    return {entry.split("\n")[1].split(":")[0]: entry for entry in alive}


def _process():
    """Name this kernel's process so that no later one is taken for it."""
    return f"# {os.getpid()} {_began(os.getpid()):.0f}"


def _began(number):
    """Tell when a process began, in seconds since 1970; `None` if it does not run."""
    try:
        return psutil.Process(number).create_time()
    except (psutil.Error, OverflowError):
        return None


def _runs(who):
    """Tell whether a process runs; a clock that was set right moves its beginning a little."""
    found = re.fullmatch(r"# (\d{1,9}) (\d{1,12})", who)
    began = _began(int(found[1])) if found else None
    return began is not None and abs(began - int(found[2])) < 10


def _let_in(store, others):
    """Write a user for this kernel beside those of others; gives the registry with that user."""
    names = (
        f"{store.user}-{number}" if number > 1 else store.user for number in itertools.count(1)
    )
    user = store.user if _user else next(name for name in names if name not in others)
    others.pop(user, None)
    _remember(user if user != workspace.name() else None, None)
    hashed = bcrypt.hashpw(store.password.encode(), bcrypt.gensalt(5, prefix=b"2a")).decode()
    lines = [*others.values(), f"{_process()}\n{user}:{hashed}"]
    _file().write_text("\n".join(lines) + "\n")
    return replace(store, user=user)


def _file():
    return workspace.file("htpasswd")


def _tar(path, content):
    """Make a tar archive, as bytes, with one file in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(path.lstrip("/"))
        # The registry reads a file anew whose time is later. It may have read one half written, at
        # the time that its writing began: that of the whole one is later still.
        member.size, member.mtime = len(content), time.time() + 10
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def lets_in(store):
    """Whether a registry answers that knows its user with the password, and nobody without."""
    try:
        distribution.get(f"http://{store}/v2/", auth=(store.user, store.password))
        distribution.get(f"http://{store}/v2/")
    except requests.HTTPError as err:
        return err.response.status_code == 401 and err.request.headers.get("Authorization") is None
    except requests.RequestException:
        return False
    return False


def login(registry, username=None, password=None, *, client=None):
    """Log in to a registry, as `docker login` does; the password stays in this kernel's memory.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.
        username: The user; that of the `Registry` if left out.
        password: The password; that of the `Registry` if left out.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The registry's answer, as `Text`.

    Raises:
        WrongPassword: The registry does not know this user with this password.
        RegistryUnreachable: Nothing answers there.

    Source: Engine API `POST /auth`.
    """
    address = str(registry)
    if not (username and password):
        registry = _whose(registry, client or engine.connect())
    username = username or registry.user
    password = engine.Secret(password or registry.password)
    # An own registry knows nobody while another kernel writes its list of users.
    alone = _one_kernel() if isinstance(registry, Registry) else contextlib.nullcontext()
    with shown(command.line("docker", "login", "-u", username, *operands(address))), alone:
        api = (client or engine.connect()).api
        who = {"username": username, "password": password, "serveraddress": address}
        answer = api._result(api._post_json(api._url("/auth"), data=who), json=True)
    engine.logins[address] = who
    return workspace.Text(answer["Status"])


def _whose(registry, client):
    """Find the user and the password for a registry that is given by its address only."""
    if isinstance(registry, Registry):
        return registry
    own = existing(client=client)
    if own and own.address == registry.replace("localhost:", "127.0.0.1:"):
        return own
    raise errors.BadOption(
        f"docker login {registry}",
        "a user and a password are wanted",
        "Give username= and password=; for your own registry: registry.login(registry.start())",
    )


def logout(registry):
    """Forget the password for a registry, as `docker logout` does.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.

    Returns:
        What was done, as `Text`.
    """
    with shown(command.line("docker", "logout", *operands(registry))):
        known = engine.logins.pop(str(registry), None)
    return workspace.Text(
        f"Removed the login for {registry}." if known else f"Not logged in to {registry}."
    )


def cli_logins():
    """List where the docker CLI keeps passwords, without reading one.

    Returns:
        A DataFrame, a row a registry: registry (str), kept_in (str).

    Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))
    file = folder / "config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    default = config.get("credsStore", "config.json, in base64, which is no secret")
    kept = dict.fromkeys(config.get("auths", {}), default) | config.get("credHelpers", {})
    return pd.DataFrame(sorted(kept.items()), columns=["registry", "kept_in"], dtype="str")


def catalog(registry):
    """List the repositories that a registry holds.

    docker has no command for this: the registry's own API answers.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.

    Returns:
        A DataFrame, a row a repository: repository (str).

    Raises:
        AccessDenied: The registry wants a login first.
        RegistryUnreachable: Nothing answers there.

    Source: https://distribution.github.io/distribution/spec/api/ (`GET /v2/_catalog`)
    """
    host = str(registry)
    with shown(_curl(host, "_catalog")), distribution.understood(host):
        names = sorted(distribution.ask(host, "_catalog").json()["repositories"])
        return tables.framed([(name,) for name in names], repository="str")


def rate_limit():
    """Ask the place that images come from how many pulls it allows.

    Returns:
        A DataFrame of one row: registry (str), limit (Int64, pulls in a window), remaining
        (Int64, pulls), window (Int64, seconds); <NA> where the registry sets no limit.

    Raises:
        HubUnreachable: Docker Hub can't be reached.
        RegistryUnreachable: The classroom's registry can't be reached.

    Source: https://docs.docker.com/docker-hub/usage/pulls/ (headers of a `HEAD`, which is no pull)
    """
    host = engine.sources().mirror or distribution.HUB
    path = "ratelimitpreview/test" if host == distribution.HUB else "library/busybox"
    lines = [_curl(host, f"{path}/manifests/latest", "--head")]
    if host == distribution.HUB:
        find = 'grep -o \'"token":"[^"]*\' | cut -d \'"\' -f 4'
        lines = [
            f"TOKEN=$({command.line('curl', '-s', distribution.token_url(path))} | {find})",
            f'{lines[0]} -H "Authorization: Bearer $TOKEN"',
        ]
    with shown(*lines), distribution.understood(host):
        headers = distribution.ask(host, f"{path}/manifests/latest", method="HEAD").headers
        limit, _, window = headers.get("ratelimit-limit", "").partition(";w=")
        remaining = headers.get("ratelimit-remaining", "").partition(";")[0]
        row = [host, *(int(value) if value else pd.NA for value in (limit, remaining, window))]
        kinds = dict.fromkeys(["limit", "remaining", "window"], "Int64")
        return tables.framed([row], registry="str", **kinds)


def _curl(host, path, *options):
    """Write the command that asks a registry's API the same."""
    who = engine.logins.get(host)
    options += ("-u", who["username"]) if who else ()
    return command.line("curl", *options, distribution.url(host, path))
