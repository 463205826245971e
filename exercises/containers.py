"""Exercises of lesson 3, containers."""

import sys

from exercises.conditions import (
    SIGNALS,
    address,
    answered,
    answers,
    ended_by,
    exists,
    exited,
    publishes,
    restarts,
    runs,
    serves,
)
from exercises.frame import OVER, absent, exercise, given, no, yes
from helpers import containers, engine
from helpers._internal.containers import Options, create, published, remove_own

exercises = sys.modules[__name__]  # what a notebook calls this module
_SERVER = "httpd -f -h /home"
HOUR = 3600  # seconds


# Start


@exercise(
    conditions=[
        exists("cafe"),
        runs("cafe"),
        publishes("cafe", 80),
        answers("cafe", 80),
        restarts("cafe", "always", "unless-stopped", "on-failure"),
    ],
    docker="""
        docker run -d --name {me}-cafe {label} -p 127.0.0.1:{port}:80 \\
            --restart unless-stopped busybox httpd -f -h /home
    """,
)
def cafe(me):
    """A service that comes back

    Run `busybox` in the background as `{me}-cafe`: a web server, `httpd -f -h /home`. Publish its
    port 80 on 127.0.0.1, and make it come back when it dies.
    """
    containers.run("busybox", "httpd -f -h /home", name="cafe", detach=True,
                   publish="8081:80", restart="unless-stopped")  # fmt: skip


def _hang_out(me):
    containers.run("busybox", _SERVER, name="notice", detach=True, publish="8083:80")
    containers.exec_("notice", "sh -c 'echo closed > /home/index.html'")


@exercise(
    prepare=_hang_out,
    begun=lambda world: world.container(world.full("notice")),
    conditions=[
        given(runs("notice")),
        given(publishes("notice", 80)),
        serves("notice", "open", before="closed"),
    ],
    docker="docker exec {me}-notice sh -c 'echo open > /home/index.html'",
)
def notice(me):
    """Turn the sign

    The web server in the container `{me}-notice` shows the page `closed`. While it runs, run a
    command in it that changes the page, which is the file `/home/index.html`, so that it says
    `open`. See it change: `containers.curl("notice")`. (`docker exec -it … sh`, a shell to type in,
    works in a terminal only: a cell would wait for ever.)
    """
    containers.exec_("notice", "sh -c 'echo open > /home/index.html'")
    containers.curl("notice")


def _park(me):
    api = engine.connect().api
    for name in ("stall", "van", "bike"):
        remove_own(api, f"{me}-{name}")
    containers.run("busybox", _SERVER, name="van", detach=True, publish="8090:80")
    port = int(published(api, f"{me}-van", 80).split(":")[1])
    containers.run("busybox", _SERVER, name="bike", detach=True, publish=f"{port + 1}:80")
    options = Options(name=f"{me}-stall", publish=f"{port}:80", env={"STALL": port})
    create(api, "busybox", _SERVER.split(), options.arguments(api, port))


def _opened(world):
    stall, van = (world.container(world.full(name)) for name in ("stall", "van"))
    env = dict(one.split("=", 1) for one in stall["Config"]["Env"] or [])
    if "STALL" not in env:
        return no(f"`{world.full('stall')}` is another container than the one that was there", OVER)
    where = f"127.0.0.1:{env['STALL']}"
    if van and van["State"]["Running"] and address(van) == where:
        return absent(
            f"`{world.full('stall')}` does not run: something else has {where}",
            "The column PORTS of `docker ps` tells which container has which port: "
            "`containers.ps()`.",
            "Stop that one, then start yours.",
            '`containers.stop("van", grace=0)`, then `containers.start("stall")`.',
        )
    if stall["State"]["Status"] == "created":
        return no(
            f"`{world.full('stall')}` does not run, and {where} is free now",
            '`containers.start("stall")`',
        )
    return runs("stall")(world)


def _others_run(world):
    bike = world.container(world.full("bike"))
    if bike and bike["State"]["Running"]:
        return None
    return no(
        f"`{world.full('bike')}` does not run, and it was in nobody's way",
        '`containers.start("bike")`; if it is gone, `exercises.stall.begin(again=True)`.',
    )


@exercise(
    prepare=_park,
    begun=lambda world: world.container(world.full("stall")),
    conditions=[given(publishes("stall", 80)), _opened, _others_run],
    docker="""
        docker stop -t 0 {me}-van
        docker start {me}-stall
    """,
)
def stall(me):
    """In your way

    The container `{me}-stall` was created, but does not start: try it. One of your own containers
    is in the way. Find out which it is, stop it, and get `{me}-stall` going. Let all others run.
    """
    containers.ps()
    containers.stop("van", grace=0)
    containers.start("stall")


def _kept(world):
    found = exists("kept")(world)
    if found.begun or "destroy" not in world.happened("kept", HOUR):
        return found
    return no(
        found.text,
        "There was one, and it was removed: with `--rm` it goes when its process ends. Leave that "
        "out here.",
    )


def _said(world):
    if not world.container(world.full("kept")):
        return None
    lines = world.logs("kept").split()
    if set(lines) == {"goodbye"}:
        return yes("its log still says `goodbye`")
    return no(
        f"its log says `{' '.join(lines)[:60]}`, not `goodbye`",
        "A container's log is what its main process prints: `echo goodbye`.",
    )


def _gone(world):
    if not (kept := world.container(world.full("kept"))):
        return None
    full = world.full("gone")
    if world.container(full):
        return no(
            f"the container `{full}` is still there, and so is its log",
            "With `--rm` a container is removed when its process ends, and its log with it.",
            'Remove it, and run it with `rm=True`: `containers.rm("gone", force=True)`.',
        )
    if {"die", "destroy"} <= set(world.happened("gone", kept["Created"])):
        return yes(f"`{full}` ran and was removed, and its log went with it")
    return no(
        f"the Engine remembers no container `{full}` after `{world.full('kept')}`",
        "The second one gets the name `gone`, and `--rm`. (The Engine forgets what happened long "
        "ago: then run it again.)",
        '`containers.run("busybox", "echo goodbye", name="gone", rm=True)`',
    )


@exercise(
    conditions=[_kept, exited("kept", 0), _said, _gone],
    docker="""
        docker run --name {me}-kept {label} busybox echo goodbye
        docker run --name {me}-gone {label} --rm busybox echo goodbye
    """,
)
def farewell(me):
    """What is left of them

    Run `busybox` twice, so that it prints `goodbye` each time: first as `{me}-kept`, then with
    `--rm` as `{me}-gone`. Now try to read the logs of both.
    """
    containers.run("busybox", "echo goodbye", name="kept")
    containers.run("busybox", "echo goodbye", name="gone", rm=True)


# Stop


def _put_to_bed(me):
    containers.run("busybox", "sleep 3600", name="sleeper", detach=True, init=True)


@exercise(
    prepare=_put_to_bed,
    begun=lambda world: world.container(world.full("sleeper")),
    conditions=[exited("sleeper", 143)],
    docker="docker stop {me}-sleeper",
)
def sleeper(me):
    """Wake it gently

    The container `{me}-sleeper` sleeps. End it, so that its process is **asked** to end, and not
    killed; its exit code will show which it was.
    """
    containers.stop("sleeper")


def _shut_ears(me):
    loop = "sh -c 'while true; do sleep 1; done'"
    containers.run("busybox", loop, name="stubborn", detach=True)


def _known(world, code, name=""):
    state = world.container(world.full("stubborn"))["State"]
    if state["Status"] != "exited":
        return None
    right = state["ExitCode"]
    if code != str(right):
        return no(
            f"its exit code is not {code}",
            '`containers.inspect("stubborn")` tells it, and so does `docker ps -a`.',
        )
    wanted = SIGNALS.get(right - 128, "")
    rule = (
        "A process that a signal ended leaves the code 128 + the number of the signal.",
        f"{code} is 128 + {right - 128}. SIGTERM has the number 15, SIGKILL 9, SIGINT 2.",
    )
    if not name:
        return no(f"the exit code is {code}; by which signal it ended was not answered", *rule)
    if name.upper().removeprefix("SIG") not in (wanted.removeprefix("SIG"), str(right - 128)):
        return no(f"the exit code is {code}; it was not {name} that ended it", *rule)
    return yes(f"its exit code is {code}: {ended_by(right)}")


@exercise(
    prepare=_shut_ears,
    begun=lambda world: world.container(world.full("stubborn")),
    conditions=[
        exited("stubborn", 137),
        answered(_known, '`containers.inspect("stubborn")` tells the exit code.'),
    ],
    docker="""
        docker stop -t 2 {me}-stubborn
        docker ps -a --filter name=^{me}-stubborn$  # see the column STATUS
    """,
)
def stubborn(me):
    """It does not listen

    The container `{me}-stubborn` ignores SIGTERM. Stop it all the same. Which exit code does it
    have, and which signal ended it? `exercises.stubborn.check(CODE, "SIGNAL")`
    """
    stopped = containers.stop("stubborn", grace=2)
    exercises.stubborn.check(stopped.exit_code[0], "SIGKILL")


# All together


def _limited(world):
    one = world.container(world.full("shop"))
    if not one:
        return None
    memory = one["HostConfig"]["Memory"]
    if 0 < memory <= 64 * 2**20:
        return yes("it may use 64 MB of memory at most")
    found = f"{memory // 2**20} MB, not 64" if memory else "as much memory as there is"
    return no(
        f"it may use {found}",
        'A limit is set when it is made: `memory="64m"`, in a terminal `--memory 64m`.',
    )


@exercise(
    conditions=[
        exists("shop"),
        runs("shop"),
        publishes("shop", 80),
        _limited,
        restarts("shop", "always", "unless-stopped"),
        serves("shop", "welcome"),
        exists("clerk"),
        exited("clerk", 143),
    ],
    docker="""
        docker run -d --name {me}-shop {label} -p 127.0.0.1:{port}:80 \\
            --memory 64m --restart unless-stopped busybox httpd -f -h /home
        docker exec {me}-shop sh -c 'echo welcome > /home/index.html'
        docker run -d --name {me}-clerk {label} --init busybox sleep 600
        docker stop {me}-clerk
    """,
)
def shop(me):
    """Open a shop

    - `{me}-shop` is a web server, `httpd -f -h /home`, in the background: its port 80 published on
      127.0.0.1, at most 64 MB of memory, and always started again unless it is stopped.
    - Its page says `welcome`.
    - `{me}-clerk` sleeps for 600 seconds, in the background. Send it home early, gently: its exit
      code is 143.
    """
    containers.run("busybox", "httpd -f -h /home", name="shop", detach=True, publish="8085:80",
                   memory="64m", restart="unless-stopped")  # fmt: skip
    containers.exec_("shop", "sh -c 'echo welcome > /home/index.html'")
    containers.run("busybox", "sleep 600", name="clerk", detach=True, init=True)
    containers.stop("clerk")
