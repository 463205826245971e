"""Events in words: which docker command made them, whoever typed it."""

import re
from collections import deque
from math import inf

from helpers._internal.exit_codes import SIGNALS, ended_by
from helpers._internal.readable import clipped, short, visible

MAX_LINES = 20
_NEAR, _BUSY, _GRACE = 0.6, 2, 120  # seconds at most from one event of a command to its next
_SILENT = ("attach", "detach", "resize", "disconnect", "mount", "unmount", "top")
# A command by what its events did, in their order; the first row that fits counts. {name} and such
# are what an event tells; what it does not tell stands as `…`.
_COMMANDS = [
    ("container create .*start .*destroy", "docker run --rm --name {name} … {image}"),
    ("container create .*start", "docker run --name {name} … {image}"),
    ("container create", "docker create --name {name} … {image}"),
    ("container .*restart", "docker restart {name}"),
    ("container .*stop", "docker stop {name}"),
    ("container kill.* destroy", "docker rm -f {name}"),
    ("container kill-SIGKILL", "docker kill {name}"),
    ("container kill-SIGTERM", "docker stop {name}, or docker kill --signal SIGTERM {name}"),
    ("container kill", "docker kill --signal {signal} {name}"),
    ("container start", "docker start {name}"), ("container destroy", "docker rm {name}"),
    ("container pause", "docker pause {name}"), ("container unpause", "docker unpause {name}"),
    ("container rename", "docker rename {oldName} {name}"),
    ("container update", "docker update … {name}"), ("container export", "docker export … {name}"),
    ("container archive-path", "docker cp {name}:… …"),
    ("container extract-to-dir", "docker cp … {name}:…"),
    ("container prune", "docker container prune"),
    ("container exec_create", "docker exec … {name} {said}"),
    (".* commit", "docker commit {name} {imageRef}"), ("image .*import", "docker import … {name}"),
    ("image tag", "docker tag {id} {name}"), ("image untag", "docker rmi {name}"),
    ("image delete", "docker rmi {id}"), ("image pull", "docker pull {id}"),
    ("image push", "docker push {id}"), ("image load", "docker load …"),
    ("image save", "docker save … {id}"), ("image prune", "docker image prune"),
    ("network create", "docker network create … {name}"),
    ("network destroy", "docker network rm {name}"),
    ("volume create", "docker volume create … {id}"), ("volume destroy", "docker volume rm {id}"),
]  # fmt: skip
# What makes an event one more of a line's command: what the line has done so far, and how long ago.
_JOINS = [
    ("start", "create $", _NEAR), ("die|restart", "start $", _NEAR), ("connect", "create $", _NEAR),
    ("start", "connect $", _BUSY), ("die", "connect start $", _BUSY),
    ("die", r"kill-SIG(TERM|KILL) (?!.*die )", _GRACE), ("die", "kill(?!.*die )", _NEAR),
    ("stop", "kill(?!.*stop )", _GRACE), ("destroy", "die (?!.*stop )", _NEAR),
    ("tag", "create $", _NEAR), ("untag", "untag $", _NEAR),
    ("import|delete|commit", r"^\w+ (tag|untag|create) ", _NEAR), ("exec_start|exec_die", "", inf),
]  # fmt: skip
# The same for the line before it: a stop kills what does not end, and a restart stops first.
_MERGES = {
    "stop": (r"container (kill\S+ )+", _GRACE),
    "restart": (r"container ((kill\S+|die|stop) )+", _BUSY),
}


class Line:
    """One command and the events that it made.

    Attributes:
        time: When the first of them was, in seconds since 1970.
    """

    def __init__(self, event):
        self.id, self.events, self.time = event["Actor"]["ID"], [event], event["timeNano"] / 1e9

    @property
    def done(self):
        """What happened, in words with a space behind each, the kind of thing first."""
        return "".join(f"{word} " for word in (self.events[0]["Type"], *map(_did, self.events)))

    @property
    def command(self):
        """The docker command, as far as events tell; empty where none made them."""
        done = self.done
        words = _words(self.events[-1 if " commit " in done else 0])
        untagged = [_words(one)["name"] for one in self.events if one["Action"] == "untag"]
        words["name"] = " ".join(dict.fromkeys(untagged)) or words["name"]
        known = (text for pattern, text in _COMMANDS if re.match(pattern, done))
        return next(known, "").format_map(words)

    def __str__(self):
        name = _words(self.events[0])["name"]
        ended = f"{name}, by itself" if " die " in self.done else name
        said = [_effect(event) for event in self.events if event["Action"] != "connect"]
        effects = ", ".join(said if len(said) <= 8 else [*said[:3], "…", *said[-4:]])
        return visible(clipped(f"{self.command or ended} → {effects}", 400))


class _Words(dict):
    def __missing__(self, key):
        return "…"


def _words(event):
    """Return what a command's text takes from an event."""
    known = event["Actor"]["Attributes"]
    number = short(event["Actor"]["ID"]).removeprefix("sha256:")
    words = _Words(known, id=number, said=event["Action"].partition(": ")[2])
    words["name"] = short(known.get("name") or number).removeprefix("sha256:")
    signal = known.get("signal", "")
    words["signal"] = SIGNALS.get(int(signal), signal) if signal.isdigit() else signal
    words["oldName"] = known.get("oldName", "").lstrip("/")
    return words


def _did(event):
    action = event["Action"].partition(":")[0]
    return f"kill-{_words(event)['signal']}" if action == "kill" else action


def _effect(event):
    action, code = _did(event), event["Actor"]["Attributes"].get("exitCode", "")
    if code.isdigit():
        means = f" ({ended_by(int(code))})" if action == "die" else ""
        return f"{action}, exit code {code}{means}"
    return event["Action"] if action == "health_status" else action.replace("kill-", "kill ")


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
        for event in (one for one in events if _did(one) not in _SILENT):
            actor, name = event["Actor"], event["Actor"]["Attributes"].get("name", "")
            if event["Action"] == "untag" and name.startswith("sha256:"):
                names = (gone or {}).get(actor["ID"]) or [name]
                known = actor["Attributes"] | {"name": names.pop(0)}
                event = event | {"Actor": actor | {"Attributes": known}}
            host = ((inspected or {}).get(actor["ID"]) or {}).get("HostConfig") or {}
            self._add(event, host)

    def _add(self, event, host):
        before, line = ([None, None] + [one for one in self.lines if _same(one, event)])[-2:]
        if not (line and _joins(line, event, host)):
            return None if event["Action"] == "connect" else self.lines.append(Line(event))
        line.events.append(event)
        done, seconds = _MERGES.get(event["Action"], ("", 0))
        if before and re.fullmatch(done, before.done) and _gap(before, line.events[0]) < seconds:
            line.events[:0], line.time = before.events, before.time
            self.lines.remove(before)


def _same(line, event):
    """Return whether an event is about what a line is about."""
    theirs, ours = line.events[0]["Actor"]["Attributes"], event["Actor"]["Attributes"]
    if event["Action"] == "commit":
        return line.id == ours.get("imageID")
    if event["Action"] == "connect":
        return line.id == ours.get("container")
    if event["Action"] == "delete":  # and what only it needed
        return line.events[0]["Type"] == "image"
    return line.id == event["Actor"]["ID"] and theirs.get("execID") == ours.get("execID")


def _gap(line, event):
    return (event["timeNano"] - line.events[-1]["timeNano"]) / 1e9


def _joins(line, event, host):
    """Return whether the command of a line made this event, too."""
    done, action = line.done, _did(event)
    if action == "start" and done.endswith("die ") and not re.search("kill|stop", done):
        return (host.get("RestartPolicy") or {}).get("Name") not in (None, "", "no")
    return (action == "destroy" and "die " in done and host.get("AutoRemove")) or any(
        re.fullmatch(follows, action) and re.search(so_far, done) and _gap(line, event) < seconds
        for follows, so_far, seconds in _JOINS
    )
