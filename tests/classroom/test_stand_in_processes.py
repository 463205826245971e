"""Starting and stopping: ports, crashes, and that only our own processes are ended."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from classroom import commands, docker_hub, engine, files, processes, stand_in
from classroom.errors import ClassroomError
from classroom.paths import ROOT


def pids(state):
    kept = files.read_json(state / "stand-in.json")
    return {name: part["process"]["pid"] for name, part in kept.items()}


def test_a_busy_port_is_replaced_by_the_next_free_one(make_state):
    with socket.socket() as busy:
        try:
            busy.bind(("127.0.0.1", 5050))
            busy.listen()
        except OSError:
            pass  # then it is busy already
        port = stand_in.choose_port("mirror", make_state())
    assert port in stand_in.PORTS and port != 5050
    assert stand_in.is_free(port)


def test_no_free_port_is_said(make_state, monkeypatch):
    monkeypatch.setattr(stand_in, "is_free", lambda port: False)
    with pytest.raises(ClassroomError, match="from 5050 to 5199 and all are busy"):
        stand_in.choose_port("index", make_state())


def test_a_port_that_is_taken_after_it_was_chosen_is_given_up(make_state, monkeypatch):
    taken, start = [], processes.start

    def take_and_start(command, log, **where):
        if not taken:
            port = files.read_json(state / "stand-in.json")["mirror"]["port"]
            taken.append(socket.create_server(("127.0.0.1", port)))
        return start(command, log, **where)

    state = make_state()
    monkeypatch.setattr(processes, "start", take_and_start)
    found = stand_in.start(state)
    with taken[0] as other:
        assert found["mirror"] != f"127.0.0.1:{other.getsockname()[1]}"
        assert stand_in.index_answers(int(found["index"].split(":")[1]))


def test_two_stand_ins_do_not_meet(own, make_state):
    other = stand_in.start(make_state())
    assert set(other.values()).isdisjoint(own.values())


def test_a_second_start_changes_nothing(own, own_state):
    before = pids(own_state)
    assert stand_in.start(own_state) == own
    assert pids(own_state) == before


@pytest.mark.alone  # nothing may take the ports meanwhile
def test_ports_are_kept_after_a_crash_and_a_stop(make_state):
    state = make_state()
    first = stand_in.start(state)
    for pid in pids(state).values():
        os.kill(pid, signal.SIGKILL)
    while stand_in.addresses(state):
        time.sleep(0.01)
    assert stand_in.start(state) == first
    assert stand_in.stop(state) == ["mirror", "index"]
    assert stand_in.addresses(state) == {}
    assert stand_in.stop(state) == []
    assert stand_in.start(state) == first


@pytest.fixture
def decoy():
    process = subprocess.Popen(["sleep", "300"])
    yield process
    process.kill()
    process.wait()


def test_stop_leaves_a_process_that_got_an_old_pid(make_state, decoy):
    state = make_state()
    old = {"pid": decoy.pid, "began": "another boot 1"}
    files.write_json(state / "stand-in.json", {"mirror": {"port": 5050, "process": old}})
    files.write_json(state / "engine.json", {"process": old})
    assert stand_in.stop(state) == []
    assert not engine.is_ours(state)
    assert engine.stop(state) is False
    assert decoy.poll() is None


def test_stop_ends_the_process_that_was_recorded(decoy):
    kept = processes.record(decoy.pid)
    assert processes.is_ours(kept)
    assert processes.stop(kept) is True
    assert decoy.wait(5) == -signal.SIGTERM
    assert processes.stop(kept) is False


def test_a_process_that_will_not_end_is_said():
    stubborn = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal,sys;signal.signal(15,signal.SIG_IGN);print(1,flush=1);signal.pause()",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        stubborn.stdout.readline()
        with pytest.raises(ClassroomError, match=f"ps -fp {stubborn.pid}"):
            processes.stop(processes.record(stubborn.pid), seconds=0.2)
    finally:
        stubborn.kill()
        stubborn.communicate()


def test_a_program_that_dies_is_said_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    kept = processes.start([sys.executable, "-c", "raise SystemExit('no luck')"], log)
    with pytest.raises(ClassroomError, match="The thing was started and ended at once: no luck"):
        processes.wait_until(lambda: False, kept, seconds=10, what="The thing", log=log)


def test_a_second_command_waits_for_the_first(tmp_path):
    code = (
        "import sys; from classroom import files\n"
        "with files.lock(sys.argv[1], lambda: print('waiting', flush=True)): print('in')"
    )
    with files.lock(tmp_path):
        second = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout.readline() == "waiting\n"
        assert second.poll() is None
    assert second.communicate(timeout=10)[0] == "in\n"


def test_half_a_state_file_counts_as_none(tmp_path):
    (tmp_path / "stand-in.json").write_text('{"mirror": {"po')
    assert stand_in.addresses(tmp_path) == {}


MALFORMED = ["", "{", "[1, 2]", "null", "5", '{"mirror": 5}', '{"mirror": {"port": "x"}}',
             '{"mirror": {"port": 5050, "process": [1]}, "index": null}',
             '{"process": {"pid": "1"}}', '{"process": 7}', "[" * 100_000]  # fmt: skip


@pytest.mark.parametrize("content", MALFORMED)
def test_a_state_file_of_the_wrong_shape_counts_as_none(tmp_path, content):
    for name in ("stand-in.json", "engine.json", "sources.json"):
        (tmp_path / name).write_text(content)
    assert stand_in.addresses(tmp_path) == {} and docker_hub.sources(tmp_path) == {}
    assert not engine.is_ours(tmp_path) and stand_in.stop(tmp_path) == []
    assert stand_in.choose_port("index", tmp_path) in stand_in.PORTS


def test_status_is_said_where_the_lessons_are_told_what_makes_no_sense(
    tmp_path, monkeypatch, capsys, client, own, own_state
):
    (tmp_path / "sources.json").write_text('{"mirror": 3}')
    shutil.copy(own_state / "stand-in.json", tmp_path)
    monkeypatch.setattr(commands, "STATE", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert commands.main(["status"]) == 0
    assert f"Stand-in     in part: mirror {own['mirror']}" in capsys.readouterr().out
