"""Names of images, and the API that every registry speaks."""

import operator
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

import requests

from helpers._internal import connection, errors

HUB = "registry-1.docker.io"  # where Docker Hub answers for the names that begin docker.io/
_ATTESTATION = "unknown/unknown"  # stands in the place of a platform, and is none
_TIMEOUT = (3, 20)  # seconds to connect, seconds until an answer
_CHUNK, _CHUNKS = 2**16, 128  # bytes of an answer that are read at once, and how often
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HOST = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?")
_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"(?P<path>(?:{_WORD}/)*{_WORD})"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII)  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """An image's name in its parts, an empty str for none, and which of them Docker fills in."""

    host: str
    port: str
    namespace: str
    repository: str
    tag: str
    digest: str
    filled_in: frozenset

    def parts(self):
        """Return the parts as a dict, in the order in which they are written."""
        return {part: value for part, value in vars(self).items() if part != "filled_in"}

    @property
    def path(self):
        """Namespace and repository, as the registry knows them."""
        return "/".join(filter(None, [self.namespace, self.repository]))

    @property
    def canonical(self):
        """Name and tag or digest as docker keeps them: with all that it fills in."""
        host = f"{self.host}:{self.port}" if self.port else self.host
        return f"{host}/{self.path}" + (f"@{self.digest}" if self.digest else f":{self.tag}")

    @property
    def familiar(self):
        """Name and tag or digest as docker shows them: without what it fills in, but the tag."""
        return re.sub(r"^docker\.io/(?:library/(?=[^/]*$))?", "", self.canonical)


def split(name):
    """Take the registry's address, with its slash, off an image's name; empty if it has none."""
    first, slash, rest = name.partition("/")
    # Docker's rule: what looks like no word of a path is a host
    is_host = bool(slash) and (bool(re.search("[.:A-Z]", first)) or first == "localhost")
    return (f"{first}/", rest) if is_host else ("", first + slash + rest)


def parse(name):
    """Take an image's name apart, as a `Reference`, and fill in what Docker fills in.

    Source: https://pkg.go.dev/github.com/distribution/reference (its grammar)
    """
    if not isinstance(name, str):
        raise _invalid(name)
    address, rest = split(name)
    at = _HOST.fullmatch(address.removesuffix("/") or "docker.io")
    known = _PATH.fullmatch(rest)
    if not (at and known) or len(known["path"]) > 255 or re.fullmatch("[0-9a-f]{64}", name):
        raise _invalid(name)
    host = "docker.io" if at["host"] == "index.docker.io" else at["host"]
    path, tag, digest = known["path"], known["tag"] or "", known["digest"] or ""
    official = host == "docker.io" and "/" not in path
    filled_in = {"host": not address, "namespace": official, "tag": not (tag or digest)}
    namespace, _, repository = (f"library/{path}" if official else path).rpartition("/")
    return Reference(
        host, at["port"] or "", namespace, repository, "latest" if filled_in["tag"] else tag,
        digest, frozenset(part for part, filled in filled_in.items() if filled),
    )  # fmt: skip


def _invalid(name):
    """Return the `InvalidInput` for what no image can be named, with the name to write instead."""
    action = f"read the name {name!r}"
    if not isinstance(name, str):
        hint = 'Write it between quotation marks, as in "busybox"'
        return errors.InvalidInput(action, "a name is a text", hint)
    tagged = re.sub(r"\s+(?=(?:latest|[0-9.]+)$)", ":", name.strip())
    plain = re.sub(r"\s+|^https?://", "", tagged)
    host, rest = split(plain)
    path, digest = re.match("[^:@]*", rest)[0], plain.partition("@")[2]
    better = host + path.lower() + rest[len(path) :]
    mistakes = [
        (path != path.lower(), "a repository is written in small letters"),
        (re.search(r"\s", name), "a name has no space in it"),
        ("://" in name, "a name begins without https://"),
    ]
    problem = ", and ".join(text for wrong, text in mistakes if wrong)
    if problem:
        with suppress(errors.InvalidInput):
            parse(better)
            return errors.InvalidInput(action, problem, f"Write {better}")
    if digest and re.fullmatch("(?:sha256:)?[0-9a-f]*", digest):
        count = len(digest.removeprefix("sha256:"))
        problem = f"a digest is sha256: and 64 digits, and this one has {count}"
        hint = f'Take a whole one, as registry.tags("{host}{path}") lists them'
        return errors.InvalidInput(action, problem, hint)
    problem = (
        "a repository is written in small letters, digits and . _ - between slashes,"
        " a tag after a colon"
    )
    return errors.InvalidInput(action, problem, "Correct it, as in busybox:latest")


def locate(name):
    """Return the host that serves a repository, `host:port`, and the repository's path there."""
    whole = parse(name)
    host = f"{whole.host}:{whole.port}" if whole.port else whole.host
    if host == "docker.io":
        host = connection.sources().mirror or HUB
    return host, whole.path


def url(host, path):
    """Write the address of something in a registry's API."""
    scheme = "http" if host.startswith(("127.0.0.1:", "localhost:")) else "https"
    return f"{scheme}://{host}/v2/{path}"


def token_url(path):
    """Write the address that gives everyone a token to read a repository of Docker Hub."""
    scope = f"service=registry.docker.io&scope=repository:{path}:pull"
    return f"https://auth.docker.io/token?{scope}"


def ask(host, path, *, method="GET", auth=None):
    """Ask a registry's API, as whoever is logged in there in this kernel, or as `auth`.

    Source: https://distribution.github.io/distribution/spec/api/
    """
    headers = {"Accept": ", ".join(MANIFESTS)}
    if host == HUB:
        with parse_guard("auth.docker.io"):
            token = get(token_url(path.rsplit("/", 2)[0])).json()["token"]
        headers["Authorization"] = f"Bearer {token}"
    who = connection.logins.get(host)
    auth = auth or ((who["username"], who["password"]) if who else None)
    return get(url(host, path), method=method, headers=headers, auth=auth)


@contextmanager
def parse_guard(host):
    """Read a registry's answers in the block; what makes no sense there is no registry's."""
    try:
        yield
    except (LookupError, *errors.VALUE, RecursionError) as err:
        problem = f"what answers at {host} gives no registry's answer"
        raise requests.exceptions.InvalidJSONError(problem) from err


def tags_url(host, path):
    """Write the address that lists the tags of a repository; for Docker Hub that of its website."""
    if host == HUB:
        return f"https://hub.docker.com/v2/repositories/{path}/tags?page_size=100"
    return url(host, f"{path}/tags/list")


def tag_rows(host, path, limit):
    """List a repository's tags by name, a tuple a tag and platform: tag, digest, size, platform."""
    rows_of = _hub_rows if host == HUB else _rows
    return sorted(rows_of(host, path, limit), key=operator.itemgetter(0, 3))


def _rows(host, path, limit):
    for tag in sorted(ask(host, f"{path}/tags/list").json()["tags"] or [])[:limit]:
        answer = ask(host, f"{path}/manifests/{tag}")
        for manifest, platform in _platforms(host, path, answer.json()):
            size = sum(operator.index(layer["size"]) for layer in manifest["layers"])
            yield tag, answer.headers["Docker-Content-Digest"], size, platform


def _hub_rows(host, path, limit):
    tags = sorted(get(tags_url(host, path)).json()["results"], key=lambda tag: tag["name"])
    for tag in tags[:limit]:
        for image in tag["images"]:
            if (platform := _platform(image)) != _ATTESTATION:
                digest = tag.get("digest") or image.get("digest")
                yield tag["name"], digest, operator.index(image["size"]), platform


def rate_limit(headers):
    """Read the limit, what remains, and the window in seconds; `None` for what is not said."""
    limit, _, window = headers.get("ratelimit-limit", "").partition(";w=")
    remaining = headers.get("ratelimit-remaining", "").partition(";")[0]
    return [int(value) if value else None for value in (limit, remaining, window)]


def _platforms(host, path, manifest):
    """Yield each platform's manifest with the platform's name."""
    if "manifests" in manifest:
        for one in manifest["manifests"]:
            platform = _platform(one.get("platform") or {})
            if platform != _ATTESTATION:
                yield ask(host, f"{path}/manifests/{one['digest']}").json(), platform
    else:
        config = ask(host, f"{path}/blobs/{manifest['config']['digest']}").json()
        yield manifest, _platform(config)


def _platform(config):
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    return "/".join(filter(None, parts))


def get(address, *, method="GET", headers=None, auth=None):
    """Ask for a web address, with a time-out, and past any proxy where it lies on loopback.

    Of an answer the first 8 MB are read. One on loopback leads nowhere else.
    """
    with requests.Session() as session:
        session.trust_env = away = address.startswith("https:")
        try:
            with session.request(
                method, address, headers=headers, timeout=_TIMEOUT, stream=True,
                auth=auth and tuple(word.encode() for word in auth),  # a str would be Latin-1
                allow_redirects=away,
            ) as answer:  # fmt: skip
                answer._content = b"".join(islice(answer.iter_content(_CHUNK), _CHUNKS))
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as err:
            raise requests.ConnectionError(f"no answer from {address}") from err
    answer.raise_for_status()
    return answer
