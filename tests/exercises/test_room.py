"""What a kernel tells the instructor of a room, and what it does not."""

import contextlib
import json
import time

import pytest

from exercises import containers, panel, room
from exercises.exercise import exercises
from tests.helpers.fake_server import FakeServer

EVERY = list(exercises(containers).values())


@pytest.fixture
def hub(monkeypatch):
    with contextlib.closing(FakeServer()) as server:
        server.answers["POST", "/services/room/report"] = (204, b"", {})
        monkeypatch.setenv("CLASSROOM_ROOM", f"http://{server.address}/services/room/")
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
        yield server


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    for one in EVERY:
        monkeypatch.setattr(one, "begun", False)
        monkeypatch.setattr(one, "was_done", False)


def told(hub, count):
    """Wait for so many reports; returns them."""
    end = time.monotonic() + 5
    while len(hub.asked) < count and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)  # one too many would have come by now
    assert len(hub.asked) == count
    return [json.loads(body) for *_, body in hub.asked]


def test_it_tells_states_and_a_hand_by_the_learners_token_and_nothing_else(hub, monkeypatch):
    line = panel.ProgressLine(EVERY)
    monkeypatch.setattr(EVERY[0], "was_done", True)
    monkeypatch.setattr(EVERY[1], "begun", True)
    line.follow()
    assert told(hub, 2) == [
        {"lesson": "containers", "done": [], "begun": [], "hand": False},
        {"lesson": "containers", "done": [EVERY[0].name], "begun": [EVERY[1].name], "hand": False},
    ]
    assert all(headers["Authorization"] == "token secret" for *_, headers, _ in hub.asked)


def test_what_has_not_changed_is_not_told_again(hub):
    line = panel.ProgressLine(EVERY)
    line.follow()
    line.follow()
    told(hub, 1)


def test_a_hand_goes_up_and_down(hub):
    _, told_line = panel.ProgressLine(EVERY).children
    button, label = told_line.children
    assert button.description == "Raise your hand" and label.value == room.TOLD
    button.value = True
    assert "lower it" in button.description
    button.value = False
    assert [report["hand"] for report in told(hub, 3)] == [False, True, False]


@pytest.mark.parametrize("answer", [(503, b"", {}), (403, b"", {})])
def test_where_the_room_does_not_answer_the_next_look_tells_all(hub, answer):
    kept = hub.answers["POST", "/services/room/report"]
    hub.answers["POST", "/services/room/report"] = answer
    line = panel.ProgressLine(EVERY)
    told(hub, 1)
    hub.answers["POST", "/services/room/report"] = kept
    line.follow()
    line.follow()
    assert told(hub, 2)[0] == told(hub, 2)[1]


def test_outside_of_a_room_there_is_no_button_and_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("CLASSROOM_ROOM", raising=False)
    assert len(panel.ProgressLine(EVERY).children) == 1
