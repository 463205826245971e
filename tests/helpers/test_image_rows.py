"""`images.ls`, `inspect` and `history`: the rows of recorded answers of old and new Engines."""

import json

import pandas as pd
import pytest

from helpers import images
from tests.helpers.fake_server import recorded

TYPES = {
    "repository": "str",
    "tag": "str",
    "image_id": "str",
    "created": "datetime64[s, UTC]",
    "size": "int64",
}
LIST = ("GET", "/images/json")


def types(frame):
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def check_types(frame):
    assert list(frame.columns) == list(TYPES)
    for name in ("repository", "tag", "image_id", "size"):
        assert str(frame[name].dtype) == TYPES[name]
    assert isinstance(frame["created"].dtype, pd.DatetimeTZDtype)
    assert str(frame["created"].dt.tz) == "UTC"


def test_the_recorded_answer_of_an_engine_20_10(fake_engine):
    fake_engine.answers[LIST] = recorded("images-20.10")
    found = images.ls()
    check_types(found)
    names = list(zip(found.repository, found.tag, found.image_id, strict=True))
    assert names == [
        ("<none>", "<none>", "86509ac70157"),
        ("127.0.0.1:5054/learner/sent", "<none>", "4f0db2e44567"),  # its only name is a digest
        ("127.0.0.1:5054/learner/busybox", "1", "cec75315b025"),
        ("127.0.0.1:5054/learner/sent", "base", "cec75315b025"),
        ("busybox", "latest", "cec75315b025"),
        ("learner/boxed", "1", "cec75315b025"),
        ("registry", "2", "0737d2e55008"),
    ]
    assert found["size"].tolist() == [1982492, 1982523, *[1982486] * 4, 22943792]
    assert found.created[0] == pd.Timestamp(1795434323, unit="s", tz="UTC")


def test_the_recorded_answer_of_the_containerd_image_store(fake_engine):
    """It has no VirtualSize, and an empty list where an image has no tag."""
    fake_engine.answers[LIST] = recorded("images-containerd")
    found = images.ls()
    check_types(found)
    assert found.values.tolist() == [
        ["alpine", "latest", "1e42bbe25081",
         pd.Timestamp(1725624336, unit="s", tz="UTC"), 13596218],
        ["arm64v8/alpine", "<none>", "1c3b93ed450e",
         pd.Timestamp(1725624335, unit="s", tz="UTC"), 8835072],
        ["<none>", "<none>", "f73072b1ae04", pd.Timestamp(0, unit="s", tz="UTC"), 5000000000],
    ]  # fmt: skip


@pytest.mark.parametrize("tags", [None, [], ["<none>:<none>"]])
def test_a_dangling_image(fake_engine, tags):
    image = {"Id": "sha256:" + "a" * 64, "Created": 5, "Size": 7, "RepoTags": tags}
    fake_engine.answers[LIST] = [image | {"RepoDigests": None}]
    found = images.ls()
    assert found.loc[0, ["repository", "tag", "image_id"]].tolist() == [
        "<none>",
        "<none>",
        "a" * 12,
    ]


def test_an_answer_without_the_field_of_the_tags(fake_engine):
    fake_engine.answers[LIST] = [{"Id": "sha256:" + "a" * 64, "Created": 5, "Size": 7}]
    assert images.ls().repository.tolist() == ["<none>"]


def test_no_rows_have_the_same_columns_and_types(fake_engine):
    fake_engine.answers[LIST] = []
    found = images.ls("nothing")
    assert len(found) == 0
    check_types(found)


def test_names_are_sent_as_filters_and_shown(fake_engine, shown):
    fake_engine.answers[LIST] = []
    images.ls("busybox", "ada/*")
    sent = json.loads(fake_engine.asked[-1][2]["filters"][0])
    assert sent["reference"] == ["busybox", "ada/*"]
    assert shown == ["docker images --filter reference=busybox --filter 'reference=ada/*'"]


@pytest.mark.parametrize(("tags", "rows"), [(["a:1"], [["a", "1"]]), ([], [["a", "<none>"]])])
def test_a_digest_among_the_tags_is_no_row(fake_engine, tags, rows):
    """As the docker command does: Engine 29 lists there what was pulled by its digest."""
    digest = f"a@sha256:{'b' * 64}"
    row = {"Id": "sha256:" + "b" * 64, "Created": 1, "Size": 1, "RepoTags": [*tags, digest]}
    fake_engine.answers[LIST] = [row | {"RepoDigests": [digest]}]
    found = images.ls()
    assert found[["repository", "tag"]].values.tolist() == rows


def test_a_registry_with_a_port_keeps_it(fake_engine):
    row = {"Id": "sha256:" + "b" * 64, "Created": 1, "Size": 1, "RepoTags": ["localhost:5/a/b:c-1"]}
    fake_engine.answers[LIST] = [row]
    found = images.ls()
    assert found.loc[0, ["repository", "tag"]].tolist() == ["localhost:5/a/b", "c-1"]


def test_inspect_of_an_image_without_a_config(fake_engine):
    """As of a file system that was imported: no layers' history, null where there is nothing."""
    answers = fake_engine.answers
    image = {"Id": "sha256:" + "c" * 64, "RootFS": {"Type": "layers"}, "Config": None, "Size": 3}
    image |= {"RepoTags": [], "RepoDigests": []}
    answers["GET", "/images/a/json"] = image
    answers["GET", "/images/a/history"] = []
    answers["GET", "/images/b/json"] = image | {
        "Config": {"Cmd": None, "Env": None},
        "RootFS": {"Layers": ["x", "y"]},
    }
    answers["GET", "/images/b/history"] = [{}, {}, {}]
    found = images.inspect("a", "b")
    found = found.loc[["id", "layers", "history", "cmd", "env", "size"]]
    assert found["a"].tolist() == ["c" * 12, 0, 0, [], [], 3]
    assert found["b"].tolist() == ["c" * 12, 2, 3, [], [], 3]


def test_history_rows(fake_engine):
    step = {"Created": 1, "CreatedBy": 'CMD ["sh"]', "Size": 0, "Comment": "", "Id": "x"}
    fake_engine.answers["GET", "/images/a/history"] = [step, step | {"Size": 5, "Comment": "c"}]
    found = images.history("a")
    assert found.created_by.tolist() == ['CMD ["sh"]'] * 2
    assert found["size"].tolist() == [0, 5] and found.comment.tolist() == ["", "c"]
    fake_engine.answers["GET", "/images/a/history"] = []
    empty = images.history("a")
    assert [str(kind) for kind in empty.dtypes][1:] == ["str", "int64", "str"]
    assert isinstance(empty["created"].dtype, pd.DatetimeTZDtype)
