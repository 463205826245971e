"""Exercises of lesson 1, the registry."""

import sys

from exercises.conditions import (
    answered,
    forget,
    has_store,
    logged_in,
    make_store,
    named,
    store_answers,
    store_is_made,
    stored,
)
from exercises.frame import absent, exercise, given, no, yes
from helpers import images, registry
from helpers._internal.own_registry import RANDOM

exercises = sys.modules[__name__]  # what a notebook calls this module


# Search


def _most_stars(world, name):
    found = world.search("nginx")
    others = found.query("not official").reset_index(drop=True)
    if name not in set(found.name):
        return no(
            f"the search for nginx does not find `{name}`",
            "Write the whole name, with what stands before the slash.",
        )
    if name not in set(others.name):
        return no(
            f"`{name}` is official",
            "A filter keeps only the others: `official=False`, or `--filter is-official=false`.",
        )
    stars = others.set_index("name").stars[name]
    if stars < others.stars.max():
        return no(
            f"`{name}` has {stars} stars, and another one has more",
            "Sort by stars: click on the heading of the column.",
        )
    return yes(f"`{name}` has the most stars, {stars}, of those that are not official")


@exercise(
    conditions=[
        answered(
            _most_stars,
            "`official=False` keeps those that are not official, `--filter is-official=false` in a "
            "terminal. `docker search` puts the most stars first.",
        )
    ],
    docker="""
        docker search --limit 100 --filter is-official=false {index}nginx  # see the first row
    """,
)
def popular(me):
    """What others like

    A search for `nginx` finds many repositories. Which has the most stars of those that are
    **not** official? Give its name: `exercises.popular.check("NAME")`
    """
    found = registry.search("nginx", official=False, limit=100)
    exercises.popular.check(found.name[0])


def _count(world, number):
    found = world.search("busybox")
    right = len(found.query("stars >= 3 and not official"))
    if number == str(right):
        return yes(f"{right} have three stars or more and are not official")
    slips = {
        str(len(found.query("stars >= 3 and official"))): "are official",
        str(len(found.query("not official"))): "are not official, with any number of stars",
        str(len(found.query("stars >= 3"))): "have three stars or more, official or not",
        str(len(found)): "the search finds in all",
    }
    if not number.isdigit():
        return no(f"`{number}` is no number", "Count them: a number is wanted.")
    return no(
        f"it is not {number}" + (f": so many {slips[number]}" if number in slips else ""),
        "Two filters work together. `is-official` can be `true` or `false`.",
        'Count the rows of `registry.search("busybox", official=False, stars=3, limit=100)`.',
    )


@exercise(
    conditions=[
        answered(
            _count,
            "Two filters work together. `is-official` can be `true` or `false`.",
            "`len(…)` counts the rows of a table. Ask for 100 of them: `limit=100`.",
        )
    ],
    docker="""
        docker search --limit 100 --filter is-official=false --filter stars=3 {index}busybox
    """,
)
def crowd(me):
    """Only some of them

    How many of the first 100 repositories that a search for `busybox` finds have **three stars or
    more** and are **not official**? Give the number: `exercises.crowd.check(NUMBER)`
    """
    found = registry.search("busybox", official=False, stars=3, limit=100)
    exercises.crowd.check(len(found))


# Namespaces and tagging


@exercise(
    conditions=[named("{me}/toolbox:1", like="busybox:latest")],
    docker="docker tag busybox {me}/toolbox:1",
)
def toolbox(me):
    """A name of your own

    Give the image `busybox` one more name: `{me}/toolbox:1`.
    """
    registry.tag("busybox", f"{me}/toolbox:1")


def _first_version(me):
    forget(f"{me}/app:2.0")
    for tag in ("1.0", "stable"):
        registry.tag("busybox", f"{me}/app:{tag}")


def _moved(world):
    new, stable = (world.content(f"{world.me}/app:{tag}") for tag in ("2.0", "stable"))
    if stable and stable == world.content("busybox:glibc"):
        return yes("`stable` names the image `busybox:glibc`")
    return (no if new else absent)(
        "`stable` does not name the image `busybox:glibc`",
        "Tagging again with a tag that is there moves it.",
        f'`registry.tag("{world.me}/app:2.0", "{world.me}/app:stable")`',
    )


@exercise(
    prepare=_first_version,
    begun=lambda world: world.image(f"{world.me}/app:1.0"),
    conditions=[
        given(named("{me}/app:1.0", like="busybox:latest")),
        named("{me}/app:2.0", like="busybox:glibc", begun=False),
        _moved,
    ],
    docker="""
        {glibc}
        docker tag busybox:glibc {me}/app:2.0
        docker tag {me}/app:2.0 {me}/app:stable
    """,
)
def release(me):
    """A new version comes out

    Your program `{me}/app` has a version `1.0`, which is the image `busybox`, and the tag `stable`
    names it. Now version `2.0` comes out: it is `busybox:glibc`. Give it its tag, and **move**
    `stable` to it. `1.0` stays what it was. (`images.ls("{me}/app")` lists them.)
    """
    images.pull("busybox:glibc")
    registry.tag("busybox:glibc", f"{me}/app:2.0")
    registry.tag(f"{me}/app:2.0", f"{me}/app:stable")


# Authenticate


def _chosen(world):
    if not has_store(world):
        return None
    if not world.store.password.startswith(RANDOM):
        return yes("your registry has a password that you have chosen")
    return absent(
        "your registry still has the password that was made at random",
        "`registry.private(password=…)` gives it another one. A password does not belong in a "
        "cell: `getpass()` asks for it and does not show it.",
        "`from getpass import getpass`, then `store = registry.private(password=getpass())`.",
    )


def _logged_in(world):
    found = _chosen(world)
    return logged_in(world) if found and found.holds else None


@exercise(
    prepare=make_store,
    begun=store_is_made,
    again=False,
    conditions=[store_answers, _chosen, _logged_in],
    docker="docker login -u {me} {store}",
)
def password(me):
    """A password that you know

    Choose a password of your own for your registry `{store}`, and log in with it as `{me}`: here,
    or in a terminal, where `docker login` asks for it. (It holds for all your notebooks, from then
    on: it takes the place of the random one in `{files}/registry-password`.)
    """
    from getpass import getpass

    store = registry.private(password=getpass())
    registry.login(store)


def _refused(world, status=None):
    if not has_store(world) or not world.stored(f"{world.me}/secret", "1"):
        return None
    address = f"http://{world.store}/v2/{world.me}/secret/manifests/1"
    right = str(world.status(address))
    if right in status.split():
        return yes(f"without a password, the registry answers {right}: it gives nothing away")
    return no(
        f"the registry does not answer `{status}` to somebody without a password",
        "Ask it as a stranger does, with `curl -i ADDRESS`, which knows no password. What does "
        "the line that begins with HTTP say?",
        f"`!curl -i {address}`",
    )


@exercise(
    prepare=make_store,
    begun=store_is_made,
    again=False,
    conditions=[
        store_answers,
        stored("secret", "1", like="busybox"),
        answered(
            _refused,
            "`curl -i ADDRESS`, in a terminal or behind a `!` in a cell, shows what a server "
            "answers. The first line has the number.",
        ),
    ],
    docker="""
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker tag busybox {store}/{me}/secret:1
        docker push {store}/{me}/secret:1
        curl -i http://{store}/v2/{me}/secret/manifests/1  # see its first line
    """,
)
def secret(me):
    """Try the lock

    Push `busybox` to your registry as `{store}/{me}/secret:1`. Then be a stranger, and ask the
    registry for it without a password, at `http://{store}/v2/{me}/secret/manifests/1`. The first
    line of every answer of a web server holds a number, the HTTP status: 200 means yes. Which one
    comes here?
    `exercises.secret.check(NUMBER)`
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
    prepare=make_store,
    begun=store_is_made,
    again=False,
    conditions=[
        store_answers,
        stored("shelf", "1", like="busybox"),
        stored("shelf", "latest", like="busybox"),
        stored("shelf", "glibc", like="busybox:glibc"),
    ],
    docker="""
        {glibc}
        docker tag busybox {store}/{me}/shelf:1
        docker tag busybox {store}/{me}/shelf:latest
        docker tag busybox:glibc {store}/{me}/shelf:glibc
        docker login -u {me} --password-stdin {store} < {files}/registry-password
        docker push {store}/{me}/shelf:1
        docker push {store}/{me}/shelf:latest
        docker push {store}/{me}/shelf:glibc
    """,
)
def shelf(me):
    """Your own shelf

    Search for `busybox`, and take the **official** repository that has the most stars. Put it on a
    shelf of your own, the repository `{me}/shelf` in your registry `{store}`:

    - its image `latest` under the two tags `1` and `latest`,
    - its image `glibc` under the tag `glibc`.
    """
    store = registry.start()
    registry.login(store)
    images.pull("busybox:glibc")
    shelf = f"{store}/{me}/shelf"
    for source, tag in [("busybox", "1"), ("busybox", "latest"), ("busybox:glibc", "glibc")]:
        registry.tag(source, f"{shelf}:{tag}")
        images.push(f"{shelf}:{tag}")
