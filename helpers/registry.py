"""Lesson 1, the image store: search, names and tags, a registry of one's own, login."""

import json
import operator
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import docker.errors
import docker.utils
import pandas as pd

from helpers import containers, engine, images, tables, workspace
from helpers._internal import command, distribution, errors, own_registry
from helpers._internal.command import operands, shown

_ATTESTATION = "unknown/unknown"  # stands in the place of a platform, and is none
_IMAGE = "registry:2"
_PASSWORD = "registry-password"  # the file that holds it, in the workspace's folder
_last_port = 5052  # where your registry was last: made anew, it comes back there if it can


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
        user: The one user whom it lets in, the workspace's name.
        password: That user's password, as it lies in the file that only you can read.
    """

    address: str
    user: str = field(default_factory=workspace.name)

    def __str__(self):
        return self.address

    @property
    def password(self):
        return own_registry.read(workspace.place(_PASSWORD))


def private(*, password=None, client=None):
    """Run a registry of your own that wants a password; reuse it where it runs already.

    The container is the distribution project's `registry:2` on a free port of 127.0.0.1. Its user
    is you, by the workspace's name. The password lies in `files/NAME/registry-password`, which
    only you can read; beside it, `htpasswd` holds a bcrypt hash of it.

    Args:
        password: A new password, 1 to 72 bytes in UTF-8; the one in the file if left out, which
            is made at random where there is none.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A `Registry`; `f"{store}/ada/hello"` is a name in it.

    Raises:
        BadOption: It can be no password.
        NameTaken: The container's name belongs to something that is not ours.
        RegistryUnreachable: It did not answer within 20 s.

    Source: Engine API `POST /containers/create`, `PUT /containers/{id}/archive`,
    `POST /containers/{id}/start`; https://distribution.github.io/distribution/about/configuration/
    """
    password = engine.Secret(password) if isinstance(password, str) else password
    if password is not None:
        own_registry.check(password)
    client = client or engine.connect()
    with errors.explained("look for your own registry"):
        there = existing(client=client)
        image = images.provided(_IMAGE, client=client)
        first = [images.pull_line(_IMAGE, client=client)] if image != _IMAGE else []
    own_registry.choose(workspace.place(_PASSWORD), password)

    def run(port):
        store = Registry(f"127.0.0.1:{port}")
        with shown(*first, *_lines(store, image)):
            return _run(store, image, client)

    return run(_last_port) if there else workspace.on_free_port(_last_port, run)


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
    own_registry.choose(workspace.place(_PASSWORD))
    let_in = own_registry.accepts_login(store)
    with shown(*_lines(store, _IMAGE)[2 if let_in else 1 :]):
        return _run(store, _IMAGE, client)


def _lines(store, image):
    """Write the commands that make the registry's container: create it, let its user in, start."""
    name = workspace.prefixed("registry")
    options = ["--name", name, "--label", workspace.label(), *containers.LOG_OPTIONS]
    options += ["-p", f"{store}:5000"]
    for key, value in own_registry.SETTINGS.items():
        options += ["-e", f"{key}={value}"]
    users = workspace.place("htpasswd").as_posix()
    return [
        command.line("docker", "create", *options, image),
        command.line("docker", "cp", users, f"{name}:{own_registry.HTPASSWD}"),
        command.line("docker", "start", name),
    ]


def existing(*, client):
    """Return your own registry, whether it runs or not; neither make it nor start it.

    Args:
        client: A `docker.DockerClient`.

    Returns:
        The `Registry`; `None` where there is none.

    Raises:
        NameTaken: The container's name belongs to something that is not ours.
    """
    global _last_port
    there = containers.found(workspace.prefixed("registry"), client=client)
    if there is None:
        return None
    now = (there["NetworkSettings"]["Ports"] or {}).get("5000/tcp")
    bound = now or (there["HostConfig"]["PortBindings"] or {}).get("5000/tcp")
    if not (bound and bound[0]["HostPort"]):
        return None
    _last_port = int(bound[0]["HostPort"])
    return Registry(f"127.0.0.1:{_last_port}")


def _run(store, image, client):
    """Bring your registry to where it runs and takes your password, from wherever it stands."""
    name, file = workspace.prefixed("registry"), workspace.place("htpasswd")
    users = own_registry.htpasswd(store, file)
    if own_registry.accepts_login(store):
        return store
    fresh = _create(name, store, image, client)
    client.api.put_archive(name, "/", own_registry.archive(users))
    _start(name, store, fresh, client)
    store = existing(client=client) or store  # another kernel may have been faster
    end = time.monotonic() + 20
    while not own_registry.accepts_login(store):
        if time.monotonic() > end:
            raise errors.RegistryUnreachable(
                f"docker start {name}", f"the registry at {store} gives no answer",
                "Look at its logs: containers.logs('registry')")  # fmt: skip
        if own_registry.status(store):  # it began without the list, and made one of its own
            users = own_registry.htpasswd(store, file)
            client.api.put_archive(name, "/", own_registry.archive(users))
        time.sleep(0.05)  # nothing tells when a port begins to answer
    return store


def _create(name, store, image, client):
    """Create the container where there is none; tells whether it did."""
    ports = {5000: ("127.0.0.1", int(store.address.rpartition(":")[2]))}
    settings, end = own_registry.SETTINGS, time.monotonic() + 20
    while containers.found(name, client=client) is None:
        try:
            containers.created(image, name=name, env=settings, ports=ports, client=client)
            return True
        except docker.errors.APIError as err:
            if err.status_code != 409 or time.monotonic() > end:
                raise
        time.sleep(0.05)  # another kernel has the name already, and the container in a moment
    return False


def _start(name, store, fresh, client):
    """Start the container; a new one whose port is taken goes, and is made on another."""
    try:
        containers.started(client, name)
    except docker.errors.APIError as err:
        if fresh:
            client.api.remove_container(name, v=True)
            raise
        if not isinstance(errors.explain(err, "docker start"), errors.PortBusy):
            raise
        todo = "End that, or give the registry up with containers.rm('registry')"
        wrong = f"something else listens on {store}, and your registry can't start there"
        raise errors.PortBusy(f"docker start {name}", wrong, todo) from err


def login(registry, username=None, password=None, *, client=None):
    """Log in to a registry, as `docker login` does; this login is gone when the kernel ends.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.
        username: The user; in your own registry you, if left out.
        password: The password; for your own registry the one in its file, if left out.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The registry's answer, as `Text`.

    Raises:
        WrongPassword: The registry does not know this user with this password.
        RegistryUnreachable: Nothing answers there.

    Source: Engine API `POST /auth`.
    """
    password = None if password is None else engine.Secret(password)
    address, client = str(registry), client or engine.connect()
    if username is None or password is None:
        _check_own(registry, client)
    username = workspace.name() if username is None else username
    words, source = ["docker", "login", "-u", username], ""
    if password is None:
        file = workspace.place(_PASSWORD)
        words, source = [*words, "--password-stdin"], f" < {command.line(file.as_posix())}"
        password = own_registry.read(file)
    who = {"username": username, "password": password, "serveraddress": address}
    with shown(command.line(*words, *operands(address)) + source):
        url = client.api._url("/auth")
        answer = client.api._result(client.api._post_json(url, data=who), json=True)
    engine.logins[address] = who
    return workspace.Text(answer["Status"])


def _check_own(registry, client):
    """Refuse an address for which no user and no password is known."""
    if isinstance(registry, Registry):
        return
    own = existing(client=client)
    if own is None or own.address != registry.replace("localhost:", "127.0.0.1:"):
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
