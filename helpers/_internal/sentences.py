"""Events in words: which docker command made them, whoever typed it."""

import re
from collections import deque

from helpers._internal.exit_codes import SIGNALS, ended_by
from helpers._internal.readable import clipped, short, visible

MAX_LINES = 20
_NEAR = 0.6  # seconds: what comes so soon after another event, the same command made
_STARTS = 2  # the same for a start, once the command has connected a network for it
_SILENT = ("attach", "detach", "resize", "connect", "disconnect", "mount", "unmount", "top")
# What the Engine does not say stands as `…`; {old}, {to} and such are an event's attributes.
_COMMANDS = {
    "container": {
        "create": "docker create --name {name} … {image}", "start": "docker start {name}",
        "stop": "docker stop {name}", "restart": "docker restart {name}",
        "pause": "docker pause {name}", "unpause": "docker unpause {name}",
        "rename": "docker rename {oldName} {name}", "update": "docker update … {name}",
        "destroy": "docker rm {name}", "export": "docker export … {name}",
        "archive-path": "docker cp {name}:… …", "extract-to-dir": "docker cp … {name}:…",
        "commit": "docker commit {name} {imageRef}", "exec_create": "docker exec … {name} {said}",
        "prune": "docker container prune",
    },
    "image": {
        "tag": "docker tag {id} {name}", "untag": "docker rmi {name}", "delete": "docker rmi {id}",
        "pull": "docker pull {id}", "push": "docker push {id}", "load": "docker load …",
        "import": "docker import … {name}", "save": "docker save … {id}",
        "prune": "docker image prune",
    },
    "network": {"create": "docker network create … {name}", "destroy": "docker network rm {name}"},
    "volume": {"create": "docker volume create … {id}", "destroy": "docker volume rm {id}"},
}  # fmt: skip


class Line:
    """One command and the events that it made.

    Attributes:
        time: When the first of them was, in seconds since 1970.
    """

    def __init__(self, event):
        self.kind, self.id = event["Type"], event["Actor"]["ID"]
        self.events, self.time = [event], event["timeNano"] / 1e9
        self.connected = False  # whether the command went on to a start

    @property
    def actions(self):
        return [event["Action"].partition(":")[0] for event in self.events]

    @property
    def command(self):
        """The docker command, as far as events tell; empty where none made them."""
        actions = self.actions
        if "create" in actions and "start" in actions:
            rm = " --rm" if "destroy" in actions else ""
            return f"docker run{rm} --name {{name}} … {{image}}".format_map(_words(self.events[0]))
        if actions[0] == "kill" and not {"stop", "restart"} & set(actions):
            return self._kill(_words(self.events[0])["name"], actions)
        main = next((one for one in ("restart", "stop", "commit") if one in actions), actions[0])
        event = self.events[actions.index(main)]
        if "import" in actions:
            event, main = self.events[0], "import"  # its tag has the name
        words = _words(event)
        if main == "untag":
            untagged = [one for one in self.events if one["Action"] == main]
            words["name"] = " ".join(dict.fromkeys(_words(one)["name"] for one in untagged))
        return _COMMANDS.get(event["Type"], {}).get(main, "").format_map(words)

    def _kill(self, name, actions):
        if "destroy" in actions:
            return f"docker rm -f {name}"
        signal = _signal(self.events[0])
        if signal == "SIGKILL":
            return f"docker kill {name}"
        stop = f"docker stop {name}, or " if signal == "SIGTERM" else ""
        return f"{stop}docker kill --signal {signal} {name}"

    def effects(self):
        """Write what happened, a str."""
        said = [_effect(event) for event in self.events]
        return ", ".join(said if len(said) <= 8 else [*said[:3], "…", *said[-4:]])

    def __str__(self):
        name = _words(self.events[0])["name"]
        ended = f"{name}, by itself" if "die" in self.actions else name
        return visible(clipped(f"{self.command or ended} → {self.effects()}", 400))


class _Words(dict):
    def __missing__(self, key):
        return "…"


def _words(event):
    """Return what a command's text takes from an event."""
    known = event["Actor"]["Attributes"]
    number = short(event["Actor"]["ID"]).removeprefix("sha256:")
    words = _Words(known, id=number, said=event["Action"].partition(": ")[2])
    words["name"] = short(known.get("name") or number).removeprefix("sha256:")
    words["oldName"] = known.get("oldName", "").lstrip("/")
    return words


def _signal(event):
    number = event["Actor"]["Attributes"].get("signal", "")
    return SIGNALS.get(int(number), number) if number.isdigit() else number


def _effect(event):
    action, _, said = event["Action"].partition(": ")
    code = event["Actor"]["Attributes"].get("exitCode", "")
    if action == "kill":
        return f"kill {_signal(event)}"
    if code.isdigit():
        means = f" ({ended_by(int(code))})" if action == "die" else ""
        return f"{action}, exit code {code}{means}"
    return event["Action"] if action == "health_status" else action


class Log:
    """The last lines, the newest one last."""

    def __init__(self):
        self.lines = deque(maxlen=MAX_LINES)

    def add(self, events, inspected=None, gone=None):
        """Add events: to the line of the command that made them, or a new one.

        Args:
            events: The Engine's, a list of dict.
            inspected: By a container's ID what the Engine has said of it, which tells whether it
                is removed, or started again, without a command.
            gone: By an image's ID the names that it has lost, a list: older Engines do not say
                which name `untag` took. What is told is taken out of it.
        """
        for event in events:
            if event["Action"].partition(":")[0] in _SILENT:
                self._connect(event)
                continue
            if event["Action"] == "untag" and re.match("sha256:", _name(event)):
                names = (gone or {}).get(event["Actor"]["ID"]) or [_name(event)]
                attributes = event["Actor"]["Attributes"] | {"name": names.pop(0)}
                event = event | {"Actor": event["Actor"] | {"Attributes": attributes}}
            host = ((inspected or {}).get(event["Actor"]["ID"]) or {}).get("HostConfig") or {}
            self._add(event, host)

    def _connect(self, event):
        container = event["Actor"]["Attributes"].get("container")
        for line in self.lines if event["Action"] == "connect" else ():
            line.connected |= line.id == container and _near(line, event)

    def _add(self, event, host):
        same = [line for line in self.lines if _same(line, event)]
        if not same or not _joins(same[-1], event, host):
            self.lines.append(Line(event))
            return
        line = same[-1]
        line.events.append(event)
        before = same[-2] if same[1:] else None
        follows = {"stop": ["kill"], "restart": ["kill", "stop", "die"]}.get(event["Action"])
        if before and follows and before is not line and set(follows) >= set(before.actions) and (
            _near(before, line.events[0], 120 if event["Action"] == "stop" else _STARTS)
        ):  # fmt: skip
            line.events[:0], line.time = before.events, before.time
            self.lines.remove(before)


def _name(event):
    return event["Actor"]["Attributes"].get("name", "")


def _same(line, event):
    """Return whether an event is about what a line is about."""
    theirs, ours = line.events[0]["Actor"]["Attributes"], event["Actor"]["Attributes"]
    if event["Action"] == "commit":
        return line.id == ours.get("imageID")
    if event["Action"] == "delete":  # and what only it needed
        return line.kind == "image"
    return line.id == event["Actor"]["ID"] and theirs.get("execID") == ours.get("execID")


def _near(line, event, seconds=_NEAR):
    return event["timeNano"] / 1e9 - line.events[-1]["timeNano"] / 1e9 < seconds


def _joins(line, event, host):
    """Return whether the command of a line made this event, too."""
    done, near = line.actions, _near(line, event)
    soon = near or (line.connected and _near(line, event, _STARTS))
    match event["Action"].partition(":")[0]:
        case "start":
            policy = (host.get("RestartPolicy") or {}).get("Name") not in (None, "", "no")
            by_itself = policy and not {"kill", "stop"} & set(done)
            return (done[-1] == "create" and soon) or (done[-1] == "die" and by_itself)
        case "die":
            grace = 120 if _signal(line.events[0]) in ("SIGTERM", "SIGKILL") else _NEAR
            killed = "kill" in done and "die" not in done and _near(line, event, grace)
            return killed or (done[-1] == "start" and soon)
        case "stop":
            return "kill" in done and "stop" not in done
        case "restart":
            return done[-1] == "start" and near
        case "destroy":
            return "die" in done and (host.get("AutoRemove") or (near and "stop" not in done))
        case "import" | "delete" | "commit":
            return near and done[0] in ("tag", "untag", "create")
        case "tag":
            return near and done[-1] == "create"
        case "untag":
            return near and done[-1] == "untag"
        case "exec_start" | "exec_die":
            return True
    return False
