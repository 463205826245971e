"""The stand-in for Docker Hub: starts and stops the mirror and the index, and keeps where they are.

The kept state is `stand-in.json`. Ports are kept over a stop or a crash, since an Engine that was
given our mirror goes on asking on that port.
"""

import hashlib
import http.client
import socket
import sys
from functools import partial
from pathlib import Path

from classroom import index, mirror, processes
from classroom.errors import ClassroomError
from classroom.files import read_json, write_json
from classroom.paths import ROOT

PORTS = range(5050, 5200)
DEFAULTS = {"mirror": 5050, "index": 5051}


def is_free(port):
    """Whether nothing listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(name, state):
    """Return the port for the mirror or the index, and keep it.

    It is the port that it runs on, else the kept one, else the usual one, else the next free one.

    Raises:
        ClassroomError: All are busy.
    """
    kept = _kept(state)
    mine = kept.get(name, {})
    if processes.is_ours(mine.get("process")):
        return mine["port"]
    others = {part["port"] for other, part in kept.items() if other != name}
    others |= {port for other, port in DEFAULTS.items() if other != name} - {mine.get("port")}
    wishes = [mine.get("port"), DEFAULTS[name], *PORTS]
    for port in wishes:
        if port and port not in others and is_free(port):
            _keep(state, name, {"port": port})
            return port
    raise ClassroomError(
        f"A free port for the {name} was looked for from {PORTS[0]} to {PORTS[-1]} and all are "
        "busy; end what listens there (`ss -ltnp`) and run the command again."
    )


def start(state):
    """Fill the mirror, and start it and the index where they do not run.

    Args:
        state: Our folder.

    Returns:
        Where they answer: `{"mirror": "127.0.0.1:5050", "index": "127.0.0.1:5051"}`.
    """
    mirror.fill(state)
    _start_part("mirror", state, partial(mirror.serves, state=state))
    _start_part("index", state, index_answers)
    return addresses(state)


def addresses(state):
    """Return where the running parts answer, a dict from name to address."""
    return {
        name: f"127.0.0.1:{part['port']}"
        for name, part in _kept(state).items()
        if processes.is_ours(part.get("process"))
    }


def stop(state):
    """End the mirror and the index that we started; returns the names of those that ran."""
    ended = []
    for name, part in _kept(state).items():
        if processes.stop(part.get("process")):
            ended.append(name)
        _keep(state, name, {"port": part["port"]})
    return ended


def index_answers(port):
    """Whether our index answers on a port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v1/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def mirror_stamp(state, port):
    """Return what the running mirror depends on: its configuration."""
    return hashlib.sha256(mirror.configuration(state, port).encode()).hexdigest()


def index_stamp():
    """Return what the running index depends on: its code and its rows."""
    code = Path(index.__file__).read_bytes() + index.DATA.read_bytes()
    return hashlib.sha256(code).hexdigest()


def _start_part(name, state, answers):
    """Start the mirror or the index, unless it runs as it should."""
    port = choose_port(name, state)
    stamp = mirror_stamp(state, port) if name == "mirror" else index_stamp()
    kept = _kept(state).get(name, {})
    if processes.is_ours(kept.get("process")):
        if kept.get("stamp") == stamp and answers(port):
            return
        processes.stop(kept["process"])
    if name == "mirror":
        command = mirror.command(state, port)
    else:
        command = [sys.executable, "-m", "classroom.index", "--port", port]
    log = Path(state) / "logs" / f"{name}.log"
    process = processes.start(command, log, folder=ROOT)
    _keep(state, name, {"port": port, "process": process, "stamp": stamp})
    try:
        processes.wait_until(
            # Another program may have taken the port meanwhile, and answer in our place.
            lambda: processes.listens(process["pid"], port) and answers(port),
            process,
            seconds=20,
            what=f"The {name} on port {port}",
            log=log,
        )
    except ClassroomError:
        processes.stop(process)
        if is_free(port):
            raise
        _start_part(name, state, answers)  # on the next port, since another has taken this one


def _kept(state):
    kept = read_json(Path(state) / "stand-in.json")
    return {
        name: kept[name]
        for name in DEFAULTS
        if isinstance(kept.get(name), dict) and isinstance(kept[name].get("port"), int)
    }


def _keep(state, name, part):
    write_json(Path(state) / "stand-in.json", {**_kept(state), name: part})
