"""Exercises of lesson 1, the registry."""

import functools
import sys

from exercises import conditions as its
from exercises.exercise import Start, exercise, met, not_yet, question
from helpers import engine, images, registry
from helpers._internal import images as api_images
from helpers._internal.own_registry import RANDOM

exercises = sys.modules[__name__]  # what a notebook calls this module


# Search


@functools.cache  # the panels that follow need not ask again
def _search(api, term):
    """Search as `docker search --limit 100` does."""
    index = engine.sources().index
    return api_images.search(api, f"{index}/{term}" if index else term, 100, {})


_TWO_FILTERS = "Two filters work together: `official=False, stars=3`. Ask for 100: `limit=100`."


@question("their number", _TWO_FILTERS, "`len(…)` counts the rows of a table.")
def _count(snapshot, number):
    found = _search(snapshot.moment.api, "busybox")
    stars, official = found.stars >= 3, found.official
    if number == str(sum(stars & ~official)):
        return met(number)
    slips = {sum(stars & official): "are official", sum(~official): "have any number of stars",
             sum(stars): "have three stars or more, official or not"}  # fmt: skip
    slip = {str(count): f": so many {what}" for count, what in slips.items()}.get(number, "")
    return not_yet(f"it is not {number}{slip}", _TWO_FILTERS)


@exercise(_count)
def crowd(me):
    """Only some of them

    How many of the first 100 repositories that a search for `busybox` finds have **three stars or
    more** and are **not official**? Give the number.

    $ docker search --limit 100 --filter is-official=false --filter stars=3 {index}busybox
    """
    found = registry.search("busybox", official=False, stars=3, limit=100)
    exercises.crowd.check(len(found))


# Namespaces and tagging


@exercise(its.named("{me}/toolbox:1"), its.is_like("{me}/toolbox:1", "busybox:latest"))
def toolbox(me):
    """A name of your own

    Give the image `busybox` one more name: `{me}/toolbox:1`.

    $ docker tag busybox {me}/toolbox:1
    """
    registry.tag("busybox", f"{me}/toolbox:1")


def prepare_release(me):
    its.forget(f"{me}/app:2.0")
    for tag in ("1.0", "stable"):
        registry.tag("busybox", f"{me}/app:{tag}")


@exercise(
    its.is_like("{me}/app:1.0", "busybox:latest").as_precondition(),
    its.named("{me}/app:2.0", source="busybox:glibc"),
    its.is_like("{me}/app:2.0", "busybox:glibc"),
    its.is_like("{me}/app:stable", "busybox:glibc", at_start=True),
    start=Start(prepare_release, lambda snapshot: snapshot.image(f"{snapshot.me}/app:1.0")),
)
def release(me):
    """A new version comes out

    Your program `{me}/app` has a version `1.0`, which is the image `busybox`, and the tag `stable`
    names it. Now version `2.0` comes out: it is the image `busybox:glibc`; pull that. Give it its
    tag, and **move** `stable` to it. `1.0` stays what it was.

    $ {glibc}
    $ docker tag busybox:glibc {me}/app:2.0
    $ docker tag {me}/app:2.0 {me}/app:stable
    """
    images.pull("busybox:glibc")
    registry.tag("busybox:glibc", f"{me}/app:2.0")
    registry.tag(f"{me}/app:2.0", f"{me}/app:stable")


# Authenticate


@its.of_store("your registry has a password that you have chosen")
def _chosen(snapshot):
    if not snapshot.store.password.startswith(RANDOM):
        return met()
    return not_yet(
        "it was made at random",
        "`registry.private(password=…)` gives it another one. A password does not belong in a "
        "cell: `getpass()`, of the module `getpass`, asks for it and does not show it.",
        started=False,
    )


@exercise(_chosen, its.logged_in, start=its.STORE)
def password(me):
    """A password that you know

    Choose a password of your own for your registry `{store}`: in a cell, with the lines that stand
    above. Then log in with it as `{me}`, in a cell or in a terminal, where `docker login` asks for
    it. (It holds for all your notebooks, from then on: it takes the place of the random one in
    `{files}/registry-password`.)

    $ # Choose the password in a cell: registry.private(password=getpass())
    $ docker login -u {me} {store}
    """
    from getpass import getpass

    store = registry.private(password=getpass())
    registry.login(store)


@question("its number", "`curl -i ADDRESS`, in a cell behind a `!`, shows all that a server says.")
def _refused(snapshot, status):
    if not its.has_store(snapshot) or not snapshot.stored(f"{snapshot.me}/secret", "1"):
        return None
    address = f"{snapshot.store}/v2/{snapshot.me}/secret/manifests/1"
    right, _ = snapshot.fetch(address) or ("", "")
    if str(right) in status.split():
        return met(f"{right}: without a password, the registry gives nothing away")
    ask = f"Ask it as a stranger does, who knows no password: `!curl -i http://{address}`"
    return not_yet(f"it does not answer `{status}` to a stranger", ask)


@exercise(its.stored("secret", "1", like="busybox"), _refused, start=its.STORE)
def secret(me):
    """Try the lock

    Push `busybox` to your registry as `{store}/{me}/secret:1`. Then be a stranger, and ask the
    registry for it without a password: `curl -i http://{store}/v2/{me}/secret/manifests/1` shows
    its whole answer. The first line of it holds a number, the HTTP status: 200 means yes. Which one
    comes here?

    $ {login}
    $ docker tag busybox {store}/{me}/secret:1
    $ docker push {store}/{me}/secret:1
    $ curl -i http://{store}/v2/{me}/secret/manifests/1  # see its first line
    """
    import requests

    store = registry.start()
    registry.login(store)
    registry.tag("busybox", f"{store}/{me}/secret:1")
    images.push(f"{store}/{me}/secret:1")
    answer = requests.get(f"http://{store}/v2/{me}/secret/manifests/1")
    exercises.secret.check(answer.status_code)


# All together


@exercise(
    its.stored("shelf", "1", like="busybox"),
    its.stored("shelf", "latest", like="busybox"),
    its.stored("shelf", "glibc", like="busybox:glibc"),
    start=its.STORE,
)
def shelf(me):
    """Your own shelf

    Search for `busybox`, and take the **official** repository that has the most stars. Put it on a
    shelf of your own, the repository `{me}/shelf` in your registry `{store}`:

    - its image `latest` under the two tags `1` and `latest`,
    - its image `glibc` under the tag `glibc`.

    $ {glibc}
    $ docker tag busybox {store}/{me}/shelf:1
    $ docker tag busybox {store}/{me}/shelf:latest
    $ docker tag busybox:glibc {store}/{me}/shelf:glibc
    $ {login}
    $ docker push --all-tags {store}/{me}/shelf
    """
    store = registry.start()
    registry.login(store)
    images.pull("busybox:glibc")
    shelf = f"{store}/{me}/shelf"
    for source, tag in [("busybox", "1"), ("busybox", "latest"), ("busybox:glibc", "glibc")]:
        registry.tag(source, f"{shelf}:{tag}")
        images.push(f"{shelf}:{tag}")
