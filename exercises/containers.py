"""Exercises of lesson 3, containers."""

import sys

from exercises import conditions as its
from exercises.conditions import MARK
from exercises.exercise import RESTART_HINT, condition, exercise, met, not_yet, question
from helpers import containers, engine
from helpers._internal.containers import Options, create, published, remove_own

exercises = sys.modules[__name__]  # what a notebook calls this module
_SERVER = "httpd -f -h /home"


# Start


@exercise(
    its.exists("cafe"),
    its.runs("cafe"),
    its.publishes("cafe", 80),
    its.answers("cafe"),
    its.restarts("cafe"),
)
def cafe(me):
    """A service that comes back

    Run a web server in the background as `{me}-cafe`. `busybox` has one, `httpd -f -h /home`; any
    other will do. Publish its port 80 on 127.0.0.1, as a port that is free, such as 8087. Have
    Docker start it again whenever its process ends, whatever the exit code. (If a try fails,
    `docker rm -f {me}-cafe` takes away what is left of it.)

    $ docker run -d --name {me}-cafe {label} -p 127.0.0.1:{port}:80
        --restart unless-stopped busybox httpd -f -h /home
    """
    containers.run("busybox", "httpd -f -h /home", name="cafe", detach=True,
                   publish="8081:80", restart="unless-stopped")  # fmt: skip


def prepare_notice(me):
    env = {MARK: "notice"}
    containers.run("busybox", _SERVER, name="notice", detach=True, publish="8083:80", env=env)
    containers.exec_("notice", "sh -c 'echo closed > /home/index.html'")


@exercise(
    its.runs("notice").as_precondition(),
    its.publishes("notice", 80).as_precondition(),
    its.serves("notice", "open", before="closed"),
    start=its.from_container("notice", prepare_notice),
)
def notice(me):
    """Turn the sign

    The web server in the container `{me}-notice` shows the page `closed`. Run a command in this
    very container that changes the page, which is the file `/home/index.html`, so that it says
    `open`. See it change: `containers.curl("notice")`. (`docker exec -it … sh`, a shell to type in,
    works in a terminal only: a cell would wait for ever.)

    $ docker exec {me}-notice sh -c 'echo open > /home/index.html'
    """
    containers.exec_("notice", "sh -c 'echo open > /home/index.html'")
    containers.curl("notice")


@its.of_container("Docker removes NAME as soon as it ends")
def _goes(found, snapshot, name):
    if found["HostConfig"]["AutoRemove"]:
        return met()
    with_rm = "`rm=True`, in a terminal `--rm`, is said when a container is made: make it anew."
    return not_yet("it would stay", with_rm)


@exercise(
    its.exists("kept"),
    its.has_command("kept", "echo goodbye"),
    its.exited("kept", 0),
    its.exists("gone"),
    _goes("gone"),
    its.runs("gone"),
)
def farewell(me):
    """What is left of them

    Run two containers of `busybox`. The first, `{me}-kept`, prints a word, with `echo goodbye`, and
    ends. The second, `{me}-gone`, runs `sleep 600` in the background, with `--rm`. When all marks
    hold, end the second one: `docker stop -t 0 {me}-gone`. Now try to read the logs of both: for
    one of them docker says `No such container`. (If a try fails, `docker rm -f` and its name take
    away what is left of it.)

    $ docker run --name {me}-kept {label} busybox echo goodbye
    $ docker run -d --name {me}-gone {label} --rm busybox sleep 600
    """
    containers.run("busybox", "echo goodbye", name="kept")
    containers.run("busybox", "sleep 600", name="gone", detach=True, rm=True)


# Stop


def prepare_stall(me):
    api = engine.connect().api
    for name in ("stall", "van", "bike"):
        remove_own(api, f"{me}-{name}")
    containers.run("busybox", _SERVER, name="van", detach=True, publish="8090:80")
    port = int(published(api, f"{me}-van", 80).split(":")[1])
    containers.run("busybox", _SERVER, name="bike", detach=True, publish=f"{port + 1}:80")
    options = Options(name=f"{me}-stall", publish=f"{port}:80", env={MARK: port})
    create(api, "busybox", _SERVER.split(), options.arguments(api, port))


@its.of_container("NAME runs")
def _opened(stall, snapshot, name):
    van, where = snapshot.container("van"), f"127.0.0.1:{its.mark(stall)}"
    if van and van["State"]["Running"] and its.address(van) == where:
        ports = "The column PORTS of `docker ps` tells which container has which port."
        stop = 'Stop that one, `containers.stop("van", grace=0)`, then start yours.'
        return not_yet(f"something else has {where}", ports, stop, started=False)
    if stall["State"]["Status"] == "created":
        return not_yet(f"{where} is free now", '`containers.start("stall")`')
    return its.runs("stall").judge(snapshot)


@condition("`{me}-bike` runs", precondition=True)
def _others_run(snapshot):
    bike = snapshot.container("bike")
    if not (bike and bike["State"]["Running"]):
        return not_yet("it was in nobody's way", '`containers.start("bike")`', RESTART_HINT)


@exercise(
    its.publishes("stall", 80).as_precondition(),
    _opened("stall"),
    _others_run,
    start=its.from_container("stall", prepare_stall),
)
def stall(me):
    """In your way

    The container `{me}-stall` was created, but does not start: try it. One of your own containers
    is in the way. Find out which it is, stop it, and get `{me}-stall` going. Let all others run.

    $ docker stop -t 0 {me}-van
    $ docker start {me}-stall
    """
    containers.ps()
    containers.stop("van", grace=0)
    containers.start("stall")


def prepare_sleeper(me):
    env = {MARK: "sleeper"}
    containers.run("busybox", "sleep 3600", name="sleeper", detach=True, init=True, env=env)


@exercise(its.exited("sleeper", 143), start=its.from_container("sleeper", prepare_sleeper))
def sleeper(me):
    """End it gently

    The container `{me}-sleeper` sleeps. End it, so that its process is **asked** to end, and not
    killed. The exit code shows which it was: 143 means that SIGTERM ended it.

    $ docker stop {me}-sleeper
    """
    containers.stop("sleeper")


def prepare_stubborn(me):
    loop = "sh -c 'while true; do sleep 1; done'"
    containers.run("busybox", loop, name="stubborn", detach=True, env={MARK: "stubborn"})


@question("its exit code, and what ended it", '`containers.inspect("stubborn")`, or `docker ps -a`')
def _known(snapshot, exit_code, signal=""):
    state = snapshot.container("stubborn")["State"]
    if state["Status"] != "exited":
        return None
    right = state["ExitCode"]
    if exit_code != str(right):
        where = '`containers.inspect("stubborn")` tells it, and so does `docker ps -a`.'
        return not_yet(f"its exit code is not {exit_code}", where)
    if signal.upper().removeprefix("SIG") in (its.SIGNALS[right - 128][3:], str(right - 128)):
        return met(f"exit code {right}: {its.ended_by(right)}")
    return not_yet(
        "the code is right; " + (f"it was not {signal}" if signal else "and the signal?"),
        "A process that a signal ended leaves the code 128 + the number of the signal.",
        f"{right} is 128 + {right - 128}. SIGTERM has the number 15, SIGKILL 9, SIGINT 2.",
    )


@exercise(its.ended("stubborn"), _known, start=its.from_container("stubborn", prepare_stubborn))
def stubborn(me):
    """It does not listen

    The container `{me}-stubborn` ignores SIGTERM. Stop it all the same. Which exit code does it
    have, and which signal ended it?

    $ docker stop -t 2 {me}-stubborn
    $ docker ps -a --filter name=^{me}-stubborn$  # see the column STATUS
    """
    stopped = containers.stop("stubborn", grace=2)
    exercises.stubborn.check(stopped.exit_code[0], "SIGKILL")


# All together


@its.of_container("NAME may use 64 MB of memory at most")
def _limited(shop, snapshot, name):
    megabytes = shop["HostConfig"]["Memory"] / 2**20
    if 0 < megabytes <= 64:
        return met()
    limit = '`memory="64m"`, in a terminal `--memory 64m`, sets a limit when it is made.'
    return not_yet(f"it may use {f'{megabytes:.0f} MB' if megabytes else 'all there is'}", limit)


@exercise(
    its.exists("shop"),
    its.runs("shop"),
    its.publishes("shop", 80),
    _limited("shop"),
    its.restarts("shop"),
    its.serves("shop", "welcome"),
    its.exists("clerk"),
    its.has_command("clerk", "sleep 600"),
    its.exited("clerk", 143),
)
def shop(me):
    """Open a shop

    - `{me}-shop` is a web server, `httpd -f -h /home`, in the background: its port 80 published on
      127.0.0.1, at most `64m` of memory, and started again whenever it ends, unless it is stopped.
    - Its page says `welcome`.
    - `{me}-clerk` runs `sleep 600`, in the background. Send it home early, gently: its exit code is
      143. (Remember what is special about process 1.)

    $ docker run -d --name {me}-shop {label} -p 127.0.0.1:{port}:80
        --memory 64m --restart unless-stopped busybox httpd -f -h /home
    $ docker exec {me}-shop sh -c 'echo welcome > /home/index.html'
    $ docker run -d --name {me}-clerk {label} --init busybox sleep 600
    $ docker stop {me}-clerk
    """
    containers.run("busybox", "httpd -f -h /home", name="shop", detach=True, publish="8085:80",
                   memory="64m", restart="unless-stopped")  # fmt: skip
    containers.exec_("shop", "sh -c 'echo welcome > /home/index.html'")
    containers.run("busybox", "sleep 600", name="clerk", detach=True, init=True)
    containers.stop("clerk")
