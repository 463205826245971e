"""Lesson 1, the image store: search, names and tags, a registry of one's own, login.

Each verb raises `RegistryUnreachable` where nothing answers, `NotFound` where there is no such
image or repository, and `NotOwned` where a name is not yours to change.
"""

import json
import os
from pathlib import Path

import pandas as pd
from docker.utils import parse_repository_tag

from helpers._internal import (
    command,
    connection,
    distribution,
    errors,
    identity,
    images,
    own_registry,
    ports,
)
from helpers._internal.command import operands, shown
from helpers._internal.connection import connect, secret
from helpers._internal.equivalents import with_command
from helpers._internal.frames import to_frame
from helpers._internal.names import check_own
from helpers._internal.own_registry import Registry
from helpers._internal.readable import Text
from helpers.engine import docker


def search(term, *, official=None, stars=0, limit=25):
    """Search the registry's index for repositories, as `docker search` does.

    Args:
        term: What to look for in names and descriptions.
        official: `True` keeps only Docker Official Images, `False` only the others.
        stars: Keep only repositories with at least this many stars.
        limit: How many rows to ask for, 1 to 100.

    Returns:
        A DataFrame, a row a repository, most stars first:
        name (str), description (str), stars (int64), official (bool).

    Source: Engine API `GET /images/search`.
    """
    index = connection.sources().index
    term = f"{index}/{term}" if index else term
    limit = command.number("limit", limit, 1, 100, sample=25)
    stars = command.number("stars", stars, 0, sample=10)
    filters = {"is-official": str(bool(official)).lower()} if official is not None else {}
    filters |= {"stars": str(stars)} if stars else {}
    options = [word for key in filters for word in ("--filter", f"{key}={filters[key]}")]
    rest = [*(["--limit", limit] if limit != 25 else []), *operands(term)]
    with docker("search", *options, *rest) as api:
        frame = images.search(api, term, limit, filters)
    return with_command(
        frame, "docker", "search", asked=filters, rest=rest,
        filters={"official": "is-official", "stars": "stars"},
    )  # fmt: skip


def reference(name):
    """Take an image's name apart, and fill in what Docker fills in.

    Args:
        name: A name as one types it, such as `busybox` or `127.0.0.1:5052/ada/hello:1.0`.

    Returns:
        A DataFrame, a row a part in the order in which the name is written:
        part (str), value (str, empty where there is none), filled_in (bool).

    Source: https://pkg.go.dev/github.com/distribution/reference (its grammar)
    """
    whole = distribution.parse(name)
    rows = [(part, value, part in whole.filled_in) for part, value in whole.parts().items()]
    return to_frame(rows, part="str", value="str", filled_in=bool)


def tag(source, target):
    """Give an image one more name, as `docker tag` does.

    Args:
        source: A name or an ID that the image has.
        target: The new name. It lies in your own namespace, as in `ada/busybox:1`.

    Returns:
        A DataFrame like that of `images.ls`, with both names.

    Source: Engine API `POST /images/{name}/tag`.
    """
    check_own("tag", target)
    with docker("tag", *operands(source, target)) as api:
        api.tag(source, *parse_repository_tag(target))
        return images.table(api, distribution.parse(source).familiar, target)


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
        AccessDenied: The registry wants a login first.

    Source: https://distribution.github.io/distribution/spec/api/ (`GET /v2/<name>/tags/list`,
    `GET /v2/<name>/manifests/<reference>`) and, on Docker Hub,
    https://docs.docker.com/reference/api/hub/latest/ (`GET /v2/namespaces/{}/repositories/{}/tags`)
    """
    limit = command.number("limit", limit, 1, 100, sample=10)
    host, path = distribution.locate(repository)
    with shown(_curl(host, distribution.tags_url(host, path))), distribution.parse_guard(host):
        rows = distribution.tag_rows(host, path, limit)
        return to_frame(rows, tag="str", digest="str", size="int64", platform="str")


def private(*, password=None):
    """Run a registry of your own that wants a password; reuse it where it runs already.

    The container is the distribution project's `registry:2` on a free port of 127.0.0.1. Its user
    is you, by the workspace's name. The password lies in `files/NAME/registry-password`, which
    only you can read; beside it, `htpasswd` holds a bcrypt hash of it.

    Args:
        password: A new password, 1 to 72 bytes in UTF-8; the one in the file if left out, which
            is made at random where there is none.

    Returns:
        A `Registry`; `f"{store}/ada/hello"` is a name in it.

    Source: Engine API `POST /containers/create`, `PUT /containers/{id}/archive`,
    `POST /containers/{id}/start`; https://distribution.github.io/distribution/about/configuration/
    """
    if (password := secret(password)) is not None:
        own_registry.check(password)
    made = own_registry.find(connect().api)
    own_registry.choose(identity.place(own_registry.PASSWORD), password)

    def run(port):
        store = Registry(f"127.0.0.1:{port}")
        with shown(*own_registry.lines(store)):
            return own_registry.run(connect().api, store)

    port = own_registry.last_port
    return run(port) if made else ports.on_free_port(port, run)


def start():
    """Start your own registry where it does not run, and make it first where it is not there.

    It shows what it has to do, of the commands that `private` shows.

    Returns:
        The `Registry`, as `private` gives it.

    Source: Engine API `POST /containers/{id}/start`.
    """
    store = own_registry.find(connect().api)
    if store is None:
        return private()
    own_registry.choose(identity.place(own_registry.PASSWORD))
    done = 2 if own_registry.accepts_login(store) else 1
    with shown(*own_registry.lines(store)[done:]):
        return own_registry.run(connect().api, store)


def login(registry, username=None, password=None):
    """Log in to a registry, as `docker login` does; this login is gone when the kernel ends.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.
        username: The user; in your own registry you, if left out.
        password: The password; for your own registry the one in its file, if left out.

    Returns:
        The registry's answer, as `Text`.

    Raises:
        AccessDenied: The registry does not know this user with this password.

    Source: Engine API `POST /auth`.
    """
    password = secret(password)
    file, address = identity.place(own_registry.PASSWORD), str(registry)
    if username is None or password is None:
        own_registry.check_own(connect().api, registry)
    who = {
        "username": username or identity.name(), "serveraddress": address,
        "password": own_registry.read(file) if password is None else password,
    }  # fmt: skip
    stdin = "--password-stdin" if password is None else None
    line = command.line("docker", "login", "-u", who["username"], stdin, *operands(address))
    with shown(line + (f" < {command.line(file.as_posix())}" if stdin else "")):
        api = connect().api
        answer = api._result(api._post_json(api._url("/auth"), data=who), json=True)
    connection.logins[address] = who
    return Text(answer["Status"])


def logout(registry):
    """Forget the password for a registry, as `docker logout` does.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.

    Returns:
        What was done, as `Text`.
    """
    with shown(command.line("docker", "logout", *operands(registry))):
        known = connection.logins.pop(str(registry), None)
    return Text(f"Removed the login for {registry}." if known else f"Not logged in to {registry}.")


def cli_logins(registry=None):
    """List where the docker CLI keeps passwords, without reading one.

    Args:
        registry: A `Registry`, or the address of one; all that the CLI knows if left out.

    Returns:
        A DataFrame, a row a registry: registry (str), kept_in (str).

    Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))
    file = folder / "config.json"
    with errors.translate_errors(f"read {file}"):
        config = json.loads(file.read_text()) if file.exists() else {}
        default = config.get("credsStore", "config.json, in base64, which is no secret")
        kept = dict.fromkeys(config.get("auths", {}), default) | config.get("credHelpers", {})
    rows = [one for one in sorted(kept.items()) if registry is None or one[0] == f"{registry}"]
    return pd.DataFrame(rows, columns=["registry", "kept_in"], dtype="str")


def catalog(registry):
    """List the repositories that a registry holds.

    docker has no command for this: the registry's own API answers.

    Args:
        registry: A `Registry`, or the address of one: `host:port`.

    Returns:
        A DataFrame, a row a repository: repository (str).

    Raises:
        AccessDenied: The registry wants a login first.

    Source: https://distribution.github.io/distribution/spec/api/ (`GET /v2/_catalog`)
    """
    host = str(registry)
    with shown(_curl(host, distribution.url(host, "_catalog"))), distribution.parse_guard(host):
        names = sorted(distribution.ask(host, "_catalog").json()["repositories"])
        return to_frame([(name,) for name in names], repository="str")


def delete(reference):
    """Ask a registry to delete the image that a name leads to; it may know you and still refuse.

    docker has no command for this: the registry's own API is asked.

    Args:
        reference: The name, such as `127.0.0.1:5052/ada/hello:1`.

    Returns:
        What was done, as `Text`.

    Raises:
        AccessDenied: The registry lets you not delete, or wants a login first.

    Source: https://distribution.github.io/distribution/spec/api/
    (`DELETE /v2/<name>/manifests/<reference>`)
    """
    (host, path), name = distribution.locate(reference), distribution.parse(reference)
    path = f"{path}/manifests/{name.digest or name.tag}"
    line = _curl(host, distribution.url(host, path), "-X", "DELETE")
    with shown(line), errors.translate_errors(f"delete {reference}"):
        distribution.ask(host, path, method="DELETE")
    return Text(f"Deleted {reference}.")


def rate_limit():
    """Ask the place that images come from how many pulls it allows.

    Returns:
        A DataFrame of one row: registry (str), limit (Int64, pulls in a window), remaining
        (Int64, pulls), window (Int64, seconds); <NA> where the registry sets no limit.

    Source: https://docs.docker.com/docker-hub/usage/pulls/ (headers of a `HEAD`, which is no pull)
    """
    host = connection.sources().mirror or distribution.HUB
    path = "ratelimitpreview/test" if host == distribution.HUB else "library/busybox"
    lines = [_curl(host, distribution.url(host, f"{path}/manifests/latest"), "--head")]
    if host == distribution.HUB:
        find = 'grep -o \'"token":"[^"]*\' | cut -d \'"\' -f 4'
        token = command.line("curl", "-s", distribution.token_url(path))
        lines = [f"TOKEN=$({token} | {find})", f'{lines[0]} -H "Authorization: Bearer $TOKEN"']
    with shown(*lines), distribution.parse_guard(host):
        answer = distribution.ask(host, f"{path}/manifests/latest", method="HEAD")
        row = host, *distribution.rate_limit(answer.headers)
        return to_frame([row], registry="str", limit="Int64", remaining="Int64", window="Int64")


def _curl(host, address, *options):
    """Write the command that asks a registry's API the same."""
    who = connection.logins.get(host)
    options += ("-u", who["username"]) if who else ()
    return command.line("curl", *options, address)
