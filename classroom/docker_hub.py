"""Docker Hub or the stand-in: what CLASSROOM says, and what the lessons are told.

The lessons read `sources.json`, which is there while the stand-in is up. That file is all that they
share with this package.
"""

import os
from pathlib import Path

from classroom import engine, engine_api, mirror, stand_in
from classroom.errors import ClassroomError
from classroom.files import read_json, write_json
from classroom.steps import step

CHOICES = ("on", "off", "auto")
SECONDS = 2.5


def choice(environment=None):
    """Return what CLASSROOM says: `on`, `off` or `auto`.

    Raises:
        ClassroomError: It says something else.
    """
    environment = os.environ if environment is None else environment
    value = environment.get("CLASSROOM") or "auto"
    if value not in CHOICES:
        raise ClassroomError(
            f"CLASSROOM was read and says {value!r}, which is neither of {', '.join(CHOICES)}; "
            "set it to one of them, or unset it."
        )
    return value


def sources(state):
    """Return what the lessons are told, or an empty dict where there is no stand-in."""
    told = read_json(Path(state) / "sources.json")
    return told if set(told) == {"index", "mirror", "mirrored"} else {}


def prepare(state, value, *, yes=False):
    """See to it that an Engine answers, and that it can pull and search.

    Args:
        state: Our folder.
        value: `on`, `off` or `auto`.
        yes: Install what is missing without asking.

    Returns:
        The Engine's client, and `on` or `off`.
    """
    with step("Docker Engine") as done:
        client = engine.find()
        whose = "was running"
        if client is None:
            client = _start_engine(state, value, yes)
            whose = "started" if engine.is_ours(state) else "was running"
        elif engine.is_ours(state):
            whose = "started before"
        done.text = f"Docker Engine {client.version()} at {client.host}, {whose}"
    if value == "auto":
        with step("Docker Hub") as done:
            value = "off" if client.reaches_docker_hub(SECONDS) else "on"
            done.text = "Docker Hub is " + ("in reach" if value == "off" else "out of reach")
    if value == "off":
        close(state)
        return client, value
    with step("Stand-in for Docker Hub") as done:
        found = open_(state, client)
        done.text = f"Stand-in for Docker Hub: mirror {found['mirror']}, index {found['index']}"
    return client, value


def _start_engine(state, value, yes):
    if value == "off":
        return engine.start(state, yes=yes)
    # The mirror's place must be known now. An Engine goes to Docker Hub if no mirror answers.
    port = stand_in.choose_port("mirror", state)
    return engine.start(state, mirror=f"http://127.0.0.1:{port}", yes=yes)


def open_(state, client):
    """Start the stand-in, give the Engine its images if it has no mirror, and tell the lessons.

    Returns:
        What the lessons are told, a dict: index, mirror, mirrored.
    """
    found = stand_in.start(state)
    mirrored = f"http://{found['mirror']}" in client.mirrors()
    if not mirrored:
        put_images(client, found["mirror"], mirror.for_lessons(state))
    told = {"index": found["index"], "mirror": found["mirror"], "mirrored": mirrored}
    write_json(Path(state) / "sources.json", told)
    return told


def close(state):
    """Stop the stand-in and tell the lessons; returns the names of the parts that ran."""
    (Path(state) / "sources.json").unlink(missing_ok=True)
    return stand_in.stop(state)


def put_images(client, address, names):
    """Pull the mirror's images into an Engine that does not know the mirror.

    A name that the Engine has already stays where it is.

    Args:
        client: The Engine.
        address: Where the mirror answers, as `127.0.0.1:5050`.
        names: What to pull, as `library/busybox:latest`.

    Returns:
        The names that were given, as `busybox:latest`.
    """
    given = []
    for name in names:
        short = name.removeprefix("library/")
        if client.has_image(short):
            continue
        long = f"{address}/{name}"
        had_it = client.has_image(long)
        try:
            client.pull(long)
        except (OSError, engine_api.RefusedError) as error:
            raise ClassroomError(
                f"The Engine at {client.host} was asked to pull {long} and could not ({error}); "
                "it seems not to run on this machine itself, so the stand-in is out of its reach: "
                "use an Engine on this machine, or set CLASSROOM=off where Docker Hub can be "
                "reached."
            ) from error
        client.tag(long, short)
        if not had_it:
            client.untag(long)
        given.append(short)
    return given
