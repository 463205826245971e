"""The live view without a browser: events in, sentences out; a snapshot in, a picture out."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import live
from helpers._internal import picture, sentences
from tests.hostile import WORDS

RECORDED = Path(__file__).parents[1] / "recorded"
POLICY = {"HostConfig": {"RestartPolicy": {"Name": "on-failure"}}}
MARKUP = "<img src=x onerror='window.ran=1'></text></svg><script>"


def typed(version):
    """Pair each command that was typed with the newest line of the log after its events."""
    log, pairs = sentences.Log(), []
    for one in json.loads((RECORDED / f"events-{version}.json").read_text()):
        actors = {event["Actor"]["ID"] for event in one["events"]}
        log.add(one["events"], dict.fromkeys(actors, POLICY) if "--restart" in one["typed"] else {})
        pairs.append((one["typed"], str(log.lines[-1])))
    assert len(log.lines) == sentences.MAX_LINES
    return pairs


@pytest.mark.parametrize("version", ["20.10", "26.1", "29.1"])
def test_the_command_that_was_typed_is_told_from_its_events(version):
    pairs = typed(version)
    assert len(pairs) > 40
    for command, line in pairs:
        if command == "docker image prune -f":
            continue  # it removed nothing: some Engines say nothing of that
        words = command.split()
        verb = " ".join(words[:3] if words[1] in ("network", "volume", "container") else words[:2])
        said = line.partition(" → ")[0]
        assert said.startswith(verb), (command, line)
        name = re.search(r"--name (\S+)", command)
        assert not name or name[1] in said, (command, line)
        assert ("--rm " in command) == ("--rm " in said), (command, line)


def events(*steps):
    """Make events of one container: an action, seconds since the first, attributes."""
    return [
        {"Type": "container", "Action": action, "timeNano": int(1e18 + seconds * 1e9),
         "Actor": {"ID": "a" * 64, "Attributes": {"name": "ada-web", "image": "busybox", **more}}}
        for action, seconds, more in steps
    ]  # fmt: skip


def test_stop_and_kill_are_told_apart_and_say_the_exit_code():
    log = sentences.Log()
    log.add(events(("kill", 0, {"signal": "15"}), ("die", 3, {"exitCode": "143"}), ("stop", 3, {})))
    assert str(log.lines[-1]) == (
        "docker stop ada-web → kill SIGTERM, die, exit code 143 (SIGTERM ended it), stop"
    )
    log.add(events(("kill", 9, {"signal": "9"}), ("die", 9.1, {"exitCode": "137"})))
    assert str(log.lines[-1]).startswith("docker kill ada-web → kill SIGKILL, die, exit code 137")
    log.add(events(("kill", 20, {"signal": "37"})))  # a number without a name
    assert str(log.lines[-1]) == "docker kill --signal 37 ada-web → kill 37"


def test_what_an_engine_does_not_tell_stands_as_dots():
    log = sentences.Log()
    log.add(events(("commit", 0, {"imageID": "sha256:1"})))
    assert str(log.lines[-1]) == "docker commit ada-web … → commit"


def test_an_end_by_itself_and_a_later_rm_are_no_command_s():
    log = sentences.Log()
    log.add(events(("start", 0, {}), ("die", 60, {"exitCode": "0"})))
    assert str(log.lines[-1]).startswith("ada-web, by itself → die, exit code 0")
    log.add(events(("destroy", 61, {})))
    assert str(log.lines[-1]) == "docker rm ada-web → destroy"


def test_a_name_is_told_that_had_gone_before_its_event_came():
    """An older Engine's `untag` has an ID only, and a look may come between it and its event."""
    image = {"Id": f"sha256:{'b' * 64}", "RepoDigests": [], "Labels": {}, "Size": 1, "Created": 1}
    other = image | {"Id": f"sha256:{'c' * 64}", "RepoTags": ["ada/moved:1"]}

    def look(*names):
        images = [image | {"RepoTags": [*names]}, other]
        listed = {"images": images, "own_images": images, "own_containers": []}
        return SimpleNamespace(**listed, registry_runs=False, repositories=None)

    view = live.View(False)
    view._change(look("ada/moved:1", "busybox:latest", "ada/hello:1"), [])
    view._change(look("busybox:latest"), [])
    actor = {"ID": image["Id"], "Attributes": {"name": image["Id"]}}
    untag = {"Type": "image", "Action": "untag", "timeNano": 10**18, "Actor": actor}
    view._change(look("busybox:latest"), [untag])
    assert "docker rmi ada/hello:1" in view.lines


@pytest.mark.parametrize("words", [*WORDS, MARKUP])
def test_a_stranger_s_words_are_shown_and_not_obeyed(words):
    log = sentences.Log()
    log.add(events((f"exec_create: {words}", 0, {"image": words, "name": words})))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", str(log.lines[-1]))
    box = picture.Box("blue", (("name", words, None), ("mono", words, "http://127.0.0.1:1/")))
    parts = picture.Parts({"i": box}, {"c": box}, {words: box}, words, "127.0.0.1:5052")
    page = picture.draw(parts)
    tags = set(re.findall(r"<(\w+)", page)) - {"wbr"}
    assert tags == {"div", "p", "ul", "li", "span", "a", "br"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", page)


def containers():
    return json.loads((RECORDED / "containers-20.10.json").read_text())


def test_what_came_is_marked_and_what_went_is_struck_through():
    one, other = (picture.container_box(listed, None) for listed in containers()[:2])
    before = picture.Parts({}, {"1": one}, {})
    now = picture.Parts({}, {"2": other}, {})
    assert ' new"' not in picture.draw(before) and ' gone"' not in picture.draw(before)
    changed = picture.draw(now, before)
    assert changed.count(' new"') == 1 and changed.count(' gone"') == 1
    assert picture.draw(now, now) == picture.draw(now, None).replace(' new"', '"')


def test_a_container_s_end_says_what_its_code_means():
    [listed, *_] = containers()
    state = {"Status": "exited", "ExitCode": 137, "FinishedAt": "2026-01-01T00:00:00Z"}
    killed = picture.container_box(listed, {"State": state, "RestartCount": 2})
    texts = [text for _, text, _ in killed.lines]
    assert "exit code 137: SIGKILL ended it" in texts and "restarted 2 times" in texts
    hungry = picture.container_box(listed, {"State": state | {"OOMKilled": True}})
    assert "exit code 137: out of memory" in [text for _, text, _ in hungry.lines]


def test_without_an_engine_it_says_so():
    assert "No Docker Engine answers" in picture.draw(None)
