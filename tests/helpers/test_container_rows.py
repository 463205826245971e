"""`containers.ps`, `inspect` and `events`: the rows of recorded answers."""

import json

import pandas as pd
import pytest

from helpers import containers
from tests.helpers.fake_server import recorded

LIST = ("GET", "/containers/json")
COLUMNS = {
    "names": "str",
    "image": "str",
    "command": "str",
    "state": "str",
    "exit_code": "Int64",
    "status": "str",
    "ports": "str",
    "created": None,
    "container_id": "str",
}


def check_types(frame):
    assert list(frame.columns) == list(COLUMNS)
    assert {n: str(frame[n].dtype) for n, kind in COLUMNS.items() if kind} == {
        n: kind for n, kind in COLUMNS.items() if kind
    }
    assert isinstance(frame["created"].dtype, pd.DatetimeTZDtype)
    assert str(frame["created"].dt.tz) == "UTC"


def test_the_recorded_answer_of_an_engine_20_10(fake_engine, ada):
    fake_engine.answers[LIST] = recorded("containers-20.10")
    found = containers.ps(all=True)
    check_types(found)
    assert found.names.tolist() == ["tester-d", "tester-c", "tester-b", "tester-a"]
    assert found.state.tolist() == ["restarting", "created", "exited", "running"]
    assert found.exit_code.isna().tolist() == [True, True, False, True]
    assert found.exit_code[2] == 3
    assert found.ports.tolist() == [
        "",
        "",
        "",
        "127.0.0.1:18080->80/tcp, 127.0.0.1:18443->443/udp",
    ]
    assert found.command[2] == "sh -c 'exit 3'"
    assert found.container_id.str.len().tolist() == [12] * 4


def test_no_rows_have_the_same_columns_and_types(fake_engine, ada):
    fake_engine.answers[LIST] = []
    found = containers.ps()
    assert len(found) == 0
    check_types(found)


def one(**changes):
    return recorded("containers-20.10")[2] | changes


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("Exited (0) 2 minutes ago", 0),
        ("Exited (137) About an hour ago", 137),
        ("Exited (255) 3 days ago", 255),
        ("Exited (-1) 2 seconds ago", -1),
        ("Up 3 seconds", None),
        ("Up 2 minutes (healthy)", None),
        ("Up 2 minutes (Paused)", None),
        ("Restarting (1) Less than a second ago", None),
        ("Created", None),
        ("Dead", None),
        ("Removal In Progress", None),
        ("", None),
    ],
)
def test_exit_codes(fake_engine, ada, status, code):
    fake_engine.answers[LIST] = [one(Status=status)]
    found = containers.ps(all=True).exit_code[0]
    assert found is pd.NA if code is None else found == code


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([], ""),
        ([{"PrivatePort": 80, "Type": "tcp"}], "80/tcp"),
        (
            [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
            "127.0.0.1:8080->80/tcp",
        ),
        (
            [
                {"IP": "0.0.0.0", "PrivatePort": 53, "PublicPort": 5353, "Type": "udp"},
                {"IP": "0.0.0.0", "PrivatePort": 53, "PublicPort": 5353, "Type": "udp"},
                {"PrivatePort": 9, "Type": "sctp"},
            ],
            "0.0.0.0:5353->53/udp, 9/sctp",
        ),
    ],
)
def test_ports(fake_engine, ada, ports, words):
    fake_engine.answers[LIST] = [one(Ports=ports)]
    assert containers.ps(all=True).ports[0] == words


def test_two_names(fake_engine, ada):
    fake_engine.answers[LIST] = [one(Names=["/web", "/other/alias"])]
    assert containers.ps(all=True).names[0].startswith("web, ")


@pytest.mark.parametrize(
    ("arguments", "filters", "everything", "line"),
    [
        ({}, {"label": ["lesson=ada"]}, "0", "docker ps --filter label=lesson=ada"),
        ({"all": True}, {"label": ["lesson=ada"]}, "1", "docker ps -a --filter label=lesson=ada"),
        ({"mine": False}, {}, "0", "docker ps"),
        ({"name": "web"}, {"name": ["^ada-web$"]}, "0", "docker ps --filter 'name=^ada-web$'"),
        ({"name": "ada-web"}, {"name": ["^ada-web$"]}, "0", "docker ps --filter 'name=^ada-web$'"),
    ],
)
def test_filters_are_sent_and_shown(fake_engine, ada, shown, arguments, filters, everything, line):
    fake_engine.answers[LIST] = []
    containers.ps(**arguments)
    query = fake_engine.asked[-1][2]
    assert json.loads(query.get("filters", ["{}"])[0]) == filters
    assert query["all"] == [everything]
    assert shown == [line]


def test_inspect_rows(fake_engine, ada):
    state = {"Status": "exited", "ExitCode": 137, "OOMKilled": True}
    host = {"Init": None, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}
    answer = {"Name": "/ada-a", "State": state, "RestartCount": 2, "HostConfig": host}
    fake_engine.answers["GET", "/containers/ada-a/json"] = answer
    found = containers.inspect("a")
    assert [str(kind) for kind in found.dtypes] == [
        "str", "str", "int64", "int64", "bool", "bool", "str",
    ]  # fmt: skip
    assert found.values.tolist() == [["ada-a", "exited", 137, 2, True, False, "on-failure"]]


def test_events_rows(fake_engine, ada):
    fake_engine.answers["GET", "/containers/ada-a/json"] = {
        "Id": "f" * 64, "Config": {"Labels": None},
    }  # fmt: skip
    fake_engine.answers["GET", "/info"] = {"SystemTime": "2026-11-23T11:00:00.000000001Z"}
    fake_engine.answers["GET", "/events"] = b""
    empty = containers.events("a")
    assert len(empty) == 0
    assert isinstance(empty["time"].dtype, pd.DatetimeTZDtype)
    assert [str(empty[n].dtype) for n in ("action", "exit_code")] == ["str", "Int64"]
