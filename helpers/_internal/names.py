"""Names of images that are not the learner's, or that nobody has: what to write instead."""

import difflib
from contextlib import contextmanager, suppress

import docker.errors
import requests

from helpers._internal import connection, distribution, errors, identity, own_registry


def check_own(verb, reference):
    """Refuse what docker's verb would do to a name of an image outside this workspace."""
    if not (isinstance(reference, str) and identity.owns_tag(reference)):
        raise _not_owned(reference, f"docker {verb} {reference}")


def _not_owned(reference, action):
    """Return the `NotOwned` for a docker command that would touch a name of somebody else's."""
    name, me = distribution.parse(reference), identity.name()
    problem = f"{reference} lies outside your namespace, and the lessons change no name there"
    if action.startswith("docker rmi"):
        problem = (
            f"{reference} is shared by all learners on this Engine, and the lessons remove only"
            f" names in your own namespace, {me}/"
        )
        hint = f"Leave it there; to remove it for all, type {action} in a terminal"
    elif action.startswith("docker push"):
        if name.host == "docker.io":
            problem = f"{reference} would go to Docker Hub, where it is not yours"
        hint = push_hint(reference)
    else:
        host, own = distribution.split(reference)[0], _own(name)
        hint = f"Write {host if identity.owns_tag(host + own) else ''}{own}"
    return errors.NotOwned(action, problem, hint)


def _own(name):
    """Write a repository's name, with the tag that was given, in this workspace's namespace."""
    tag = f":{name.tag}" if name.tag and "tag" not in name.filled_in else ""
    return f"{identity.name()}/{name.repository}{tag}"


def push_hint(reference):
    """Say how to name an image so that it goes to the workspace's own registry."""
    own = _own(distribution.parse(reference))
    target = f'f"{{registry.start()}}/{own}"'
    with suppress(errors.LessonError):
        if store := own_registry.find(connection.connect().api):
            target = f'"{store}/{own}"'
    return f'Name it for your own registry, registry.tag("{reference}", {target}); push that name'


@contextmanager
def suggestions(reference):
    """Run the block; where it finds no image of the name, say which one may have been meant."""
    try:
        yield
    except errors.NotFound as err:
        if not (hint := _suggestion(distribution.parse(reference))):
            raise
        raise errors.NotFound(err.action, err.problem, hint) from err.__cause__


def _suggestion(name):
    """Compare a name to those of the images here and of the index; "" where none is like it."""
    wanted = name.path.removeprefix("library/")
    known, api, index = set(), connection.connect().api, connection.sources().index
    if name.host != "docker.io":
        return ""
    with suppress(docker.errors.DockerException, requests.RequestException, LookupError, TypeError):
        tags = [tag for image in api.images() for tag in image["RepoTags"] or []]
        known |= {tag.rpartition(":")[0] for tag in tags}
        term = f"{index}/{wanted[:3]}" if index else wanted[:3]
        query = {"term": term, "limit": 100}
        hits = api._get(api._url("/images/search"), params=query, timeout=3)
        known |= {hit["name"] for hit in api._result(hits, json=True)}
    if wanted in known:
        return f'Take one of its tags: registry.tags("{wanted}")'
    near = difflib.get_close_matches(wanted, known, 1, 0.75)
    return f"Did you mean {near[0]}? Then write that" if near else ""
