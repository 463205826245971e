"""`registry.search`: the rows of recorded and made-up answers, and what the Engine is asked."""

import json
import time

import pandas as pd
import pytest

from helpers import registry
from helpers._internal import connection
from tests.helpers.fake_server import recorded

SEARCH = ("GET", "/images/search")
TYPES = {"name": "str", "description": "str", "stars": "int64", "official": "bool"}


def types(frame):
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def query(fake):
    return fake.asked[-1][2]


def test_the_recorded_answer_of_an_engine_20_10(fake_engine, docker_hub):
    fake_engine.answers[SEARCH] = recorded("search-20.10")
    found = registry.search("busybox")
    assert types(found) == TYPES
    assert found.name.tolist() == [
        "busybox",
        "progrium/busybox",
        "radial/busyboxplus",
        "yauritux/busybox-curl",
        "emccorp/busybox",
        "ggtools/busybox-ubuntu",
    ]
    assert found.stars.tolist() == [2231, 70, 39, 15, 0, 0]
    assert found.official.tolist() == [True] + [False] * 5


def test_no_rows_have_the_same_columns_and_types(fake_engine, docker_hub):
    fake_engine.answers[SEARCH] = []
    found = registry.search("nothing-like-it")
    assert len(found) == 0
    assert types(found) == TYPES


def test_a_field_that_is_missing_is_empty(fake_engine, docker_hub):
    fake_engine.answers[SEARCH] = [{"name": "a"}, {"star_count": 1}, {"is_official": True}]
    found = registry.search("a")
    assert types(found) == TYPES
    assert found.values.tolist() == [["", "", 1, False], ["", "", 0, True], ["a", "", 0, False]]


def test_most_stars_first_then_by_name(fake_engine, docker_hub):
    stars = [("b", 1), ("c", 5), ("a", 1), ("d", 0)]
    fake_engine.answers[SEARCH] = [{"name": name, "star_count": n} for name, n in stars]
    found = registry.search("x")
    assert found.name.tolist() == ["c", "a", "b", "d"]
    assert found.index.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "filters", "limit", "line"),
    [
        ({}, {}, "25", "docker search busybox"),
        (
            {"official": True},
            {"is-official": ["true"]},
            "25",
            "docker search --filter is-official=true busybox",
        ),
        (
            {"official": False},
            {"is-official": ["false"]},
            "25",
            "docker search --filter is-official=false busybox",
        ),
        ({"stars": 3}, {"stars": ["3"]}, "25", "docker search --filter stars=3 busybox"),
        ({"limit": 100}, {}, "100", "docker search --limit 100 busybox"),
        (
            {"official": True, "stars": 10, "limit": 1},
            {"is-official": ["true"], "stars": ["10"]},
            "1",
            "docker search --filter is-official=true --filter stars=10 --limit 1 busybox",
        ),
    ],
)
def test_filters_and_limit_are_sent_and_shown(
    fake_engine, docker_hub, shown, options, filters, limit, line
):
    fake_engine.answers[SEARCH] = []
    registry.search("busybox", **options)
    asked = query(fake_engine)
    assert asked["term"] == ["busybox"]
    assert asked["limit"] == [limit]
    assert json.loads(asked.get("filters", ["{}"])[0]) == filters
    assert shown == [line]


def test_the_classroom_s_index_is_asked_where_there_is_one(fake_engine, monkeypatch, shown):
    monkeypatch.setattr(connection, "sources", lambda: connection.Sources(index="127.0.0.1:9"))
    fake_engine.answers[SEARCH] = []
    registry.search("a b")
    assert query(fake_engine)["term"] == ["127.0.0.1:9/a b"]
    assert shown == ["docker search '127.0.0.1:9/a b'"]


def test_five_thousand_rows(fake_engine, docker_hub):
    rows = [
        {"name": f"n{i}", "description": "é" * 100, "star_count": i % 977, "is_official": i % 2}
        for i in range(5000)
    ]
    fake_engine.answers[SEARCH] = rows
    begun = time.monotonic()
    found = registry.search("n")
    assert time.monotonic() - begun < 3
    assert types(found) == TYPES
    assert len(found) == 5000
    assert found.stars.is_monotonic_decreasing
    assert found.official.sum() == 2500
    pd.testing.assert_frame_equal(found, found.sort_values(["stars", "name"], ascending=[0, 1]))
