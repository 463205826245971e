"""`tables`: filters, what a person reads, the docker command, and the still picture of a table."""

import html
import re
import shlex
import time

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers import tables
from helpers._internal import equivalents, frames, readable

NOW = pd.Timestamp("2026-06-01 12:00", tz="UTC")
FOUND = pd.DataFrame({
    "name": ["busybox", "ada/mail", "bob/Über", "cy/b.x"],
    "description": ["Busybox base image.", "MAIL for all", "", None],
    "stars": [2231, 70, 3, 0],
    "official": [True, False, False, False],
}).astype({"name": "str", "description": "str"})  # fmt: skip
MIXED = pd.DataFrame({
    "state": ["running", "exited", "exited", None],
    "exit_code": pd.array([pd.NA, 0, 137, 143], dtype="Int64"),
    "created": NOW - pd.to_timedelta([1, 2, 3, 4], unit="D"),
    "init": pd.array([True, False, pd.NA, True], dtype="boolean"),
    "env": [["A=1"], [], None, {"b": 2}],
    "load": [0.25, float("nan"), 0.5, 1.0],
}, index=[7, 7, 9, 1])  # fmt: skip
PAYLOADS = ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>", '"><svg onload=alert(1)>',
            "[x](javascript:alert(1))", "\x1b[31mred\x07\x9b0m", "\u202egnp.exe",
            "half \ud800"]  # fmt: skip
ODD = {
    "nothing": pd.DataFrame(),
    "no columns": pd.DataFrame(index=range(3)),
    "no rows": FOUND.head(0),
    "one row": FOUND.head(1),
    "no numbers": FOUND[["name"]],
    "all missing": pd.DataFrame({"a": [None, None], "b": [float("nan")] * 2, "c": [pd.NaT] * 2}),
    "equal numbers": pd.DataFrame({"stars": [5, 5, 5]}),
    "duplicate names": pd.DataFrame([[1, "a", True], [2, "b", False]], columns=["x", "x", "x"]),
    "search": pd.DataFrame({"search": ["a", "a", "b"], "index": [1, 2, 3]}),
    "levels": FOUND.set_index(["name", "stars"]).T,
    "names in the index": FOUND.set_index("name"),
    "infinite": pd.DataFrame({"x": [float("inf"), 1.0, -2.0]}),
    "complex": pd.DataFrame({"x": [1j, 2j]}),
    "durations": pd.DataFrame({"x": pd.to_timedelta([1, 20, 3], unit="s")}),
    "categories": pd.DataFrame({"x": pd.Categorical(["a", "b", "a"])}),
    "objects": MIXED,
    "mixed": pd.DataFrame({"x": [1, "a", None, 2.5, [1], pd.NaT]}),
    "huge": pd.DataFrame({"x": [2**80, 1], "y": [2**63, 1]}),
    "tiny": pd.DataFrame({"x": [1e-300, 2e-300], "y": [0.0, 1e-12], "z": [0, 10**18]}),
    "odd names": pd.DataFrame([[1, 2, 3]], columns=[None, "", ("a", 1)]),
    "strange": pd.DataFrame({text: PAYLOADS for text in PAYLOADS}),
}


def filtered(frame, choices):
    table = tables.explore(frame)
    table.choices = choices
    return table.frame


def left(frame, choices):
    return filtered(frame, choices).index.tolist()


def cells(frame):
    """What the page shows, a list of HTML a column."""
    shown = frames.to_cells(frames.labelled(frame))
    return [shown[label].tolist() for label in shown]


@pytest.mark.parametrize(
    ("choices", "rows"),
    [
        ({}, [0, 1, 2, 3]),
        ({"search": "mail"}, [1]),
        ({"search": "BUSY"}, [0]),
        ({"search": "über"}, [2]),
        ({"search": "b.x"}, [3]),  # plain text, no regular expression
        ({"search": "base busy"}, [0]),  # both words, in any order
        ({"search": "ada for"}, [1]),  # in any column
        ({"search": "ada base"}, []),
        ({"search": "  "}, [0, 1, 2, 3]),
        ({"search": "nan"}, []),
        ({"search": "2231"}, []),  # text columns only
        ({"official": True}, [0]),
        ({"stars": [3, None]}, [0, 1, 2]),
        ({"stars": [3, 70]}, [1, 2]),
        ({"stars": [None, 0]}, [3]),
        ({"official": True, "stars": [3, None], "search": "base"}, [0]),
        ({"official": True, "search": "mail"}, []),
    ],
)
def test_rows_that_fit_every_choice_are_left(choices, rows):
    assert left(FOUND, choices) == rows


@pytest.mark.parametrize(
    ("choices", "places"),
    [
        ({"state": "exited"}, [1, 2]),
        ({"exit_code": [137, None]}, [2, 3]),
        ({"exit_code": [None, 0]}, [1]),
        ({"init": True}, [0, 3]),
        ({"created": ["2026-05-29T12:00:00+00:00", "2026-05-30T12:00:00+00:00"]}, [1, 2]),
        ({"load": [0.5, None]}, [2, 3]),
        ({"search": "a=1"}, [0]),
    ],
)
def test_a_missing_value_fits_no_choice(choices, places):
    pd.testing.assert_frame_equal(filtered(MIXED, choices), MIXED.iloc[places])


def test_the_frame_stays_as_it_was():
    before = MIXED.copy(deep=True)
    tables.explore(MIXED).choices = {"state": "exited"}
    pd.testing.assert_frame_equal(MIXED, before)


def test_index_order_types_and_values_are_kept():
    shuffled = MIXED.iloc[[3, 1, 0, 2]]
    kept = filtered(shuffled, {"created": [None, "2026-05-30T12:00:00+00:00"]})
    pd.testing.assert_frame_equal(kept, shuffled.iloc[[0, 1, 3]])


def test_each_column_gets_the_filter_of_its_type():
    made = frames.filters(frames.labelled(MIXED))
    assert [(one.label, one.kind) for one in made] == [
        ("search", "search"), ("init", "flag"), ("state", "choice"), ("exit_code", "range"),
        ("created", "range"), ("load", "range"),
    ]  # fmt: skip
    found = frames.filters(frames.labelled(FOUND))
    assert [(one.label, one.kind) for one in found] == [
        ("search", "search"), ("official", "flag"), ("stars", "range")]  # fmt: skip


def test_a_slider_stops_at_round_numbers_and_close_together_where_they_are_small():
    stars = frames.filters(frames.labelled(FOUND))[-1].values
    assert stars[:9] == [0, 1, 2, 3, 5, 7, 10, 20, 30] and stars[-2:] == [2000, 2231]
    load = frames.filters(frames.labelled(MIXED))[-1].values
    assert load[:3] == [0.25, 0.3, 0.4] and load[-1] == 1.0
    sizes = pd.DataFrame({"size": [1_036_126, 22_900_000]})
    assert frames.filters(frames.labelled(sizes))[0].words[:3] == ["1.04 MB", "2 MB", "3 MB"]


def test_columns_of_one_name_have_labels_of_their_own():
    assert list(frames.labelled(ODD["duplicate names"])) == ["x", "x (2)", "x (3)"]
    assert list(frames.labelled(ODD["search"])) == ["search (2)", "index"]
    assert left(ODD["duplicate names"], {"x": [2, None]}) == [1]
    assert left(ODD["duplicate names"], {"x (3)": True}) == [0]
    assert list(frames.labelled(ODD["odd names"])) == ["(no name)", "(no name) (2)", "a 1"]


@pytest.mark.parametrize("name", ODD)
def test_any_frame_is_shown_and_filtered(name):
    frame = ODD[name]
    table = tables.explore(frame)
    pd.testing.assert_frame_equal(table.frame, frame)
    assert counted(table) == (len(frame), len(frame))
    assert all(len(column) == len(frame) for column in cells(frame))
    for one in frames.filters(frames.labelled(frame)):
        for chosen in one.values[:3] or ["a"]:
            wanted = {"range": [chosen, chosen], "flag": True}.get(one.kind, chosen)
            table.choices = {one.label: wanted}
            assert counted(table) == (len(table.frame), len(frame))


def counted(table):
    """How many rows a table says are left, and of how many."""
    left, whole = re.search(r">(\d+) of (\d+) rows?<", table._count.value).groups()
    return int(left), int(whole)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"nope": True}, "no filter nope; there are: search, official, stars"),
        ({"description": "MAIL for all"}, "no filter description"),
        ({"stars": 5}, r"stars takes \[low, high\], with None for no bound, not 5"),
        ({"stars": [1, 2, 3]}, "stars takes"),
        ({"stars": ["many", None]}, "stars takes"),
        ({"official": "yes"}, "official takes True, not 'yes'"),
        ({"search": 5}, "search takes words to find, not 5"),
    ],
)
def test_a_choice_that_is_none(choices, words):
    table = tables.explore(FOUND)
    table.choices = {"search": "busy"}
    with pytest.raises(ValueError, match=words):
        table.choices = choices
    assert table.choices == {"search": "busy"} and len(table.frame) == 1


def test_a_value_that_is_none():
    with pytest.raises(ValueError, match="state takes one of .'exited', 'running'., not 'gone'"):
        tables.explore(MIXED.assign(state=["running", "exited", "exited", None])).choices = {
            "state": "gone"}  # fmt: skip


def test_the_controls_and_the_choices_follow_each_other():
    table = tables.explore(MIXED)
    assert table.choices == {}
    table._controls["state"].value = "exited"
    stops = table._controls["exit_code"].options
    table._controls["exit_code"].index = (1, len(stops) - 1)
    assert table.choices == {"state": "exited", "exit_code": [1, None]}
    assert table._headings["exit_code"].value == "exit_code <b>1 – 143</b>"
    table.choices = {"created": ["2026-05-29T13:00:00+00:00", None], "search": "B"}
    assert table._controls["search"].value == "B" and table._controls["state"].value == ""
    assert table._headings["created"].value == "created <b>2026-05-29 12:00 – 2026-05-31 12:00</b>"
    table._controls["search"].value = ""
    assert table.choices == {"created": ["2026-05-29T13:00:00+00:00", None]}  # as exact as it was


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_982_486, "1.98 MB"), (22_900_000, "22.9 MB"),
     (999_600, "1 MB"), (123_456_789, "123 MB"), (1_041_000_000, "1.04 GB"), (5e16, "5e+04 TB")],
)  # fmt: skip
def test_sizes_read_as_docker_writes_them(count, words):
    assert readable.size(count) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [("0.4s", "Less than a second ago"), ("1s", "1 second ago"), ("59s", "59 seconds ago"),
     ("60s", "About a minute ago"), ("3min", "3 minutes ago"), ("60min", "About an hour ago"),
     ("89min", "About an hour ago"), ("90min", "2 hours ago"), ("47h", "47 hours ago"),
     ("48h", "2 days ago"), ("13D", "13 days ago"), ("14D", "2 weeks ago"), ("60D", "2 months ago"),
     ("729D", "24 months ago"), ("730D", "2 years ago"), ("-1h", "2026-06-01 13:00:00")],
)  # fmt: skip
def test_ages_read_as_docker_writes_them(ago, words):
    assert readable.age(NOW - pd.Timedelta(ago), NOW) == words


def test_digests_are_short_and_other_text_is_not():
    assert readable.short("sha256:" + "a" * 64) == "sha256:" + "a" * 12
    assert readable.short("b" * 64) == "b" * 12
    assert readable.short("sha256:" + "a" * 63) == "sha256:" + "a" * 63


def test_readable_columns_sort_by_the_exact_value():
    seen = NOW - pd.to_timedelta([9, 100, 8, 60, 61], unit="s")
    sizes = [2_000, 1_000_001, 999, 1_000_000, None]
    shown = cells(pd.DataFrame({"size": sizes, "name": list("bBcaa"), "seen": seen}))
    assert shown[0][1].endswith(">1 MB") and shown[0][3].endswith(">1 MB")
    # as DataTables does: small letters, and rows that are equal stay as they are
    places = [sorted(range(5), key=lambda row: column[row].lower()) for column in shown]
    assert places == [[2, 0, 3, 1, 4], [3, 4, 0, 1, 2], [1, 4, 3, 0, 2]]


def test_cells_are_what_a_person_reads():
    frame = pd.DataFrame({"size": [1_982_486], "digest": ["sha256:" + "a" * 64], "of": [0.25],
                          "text": ["<b>"], "flag": [True], "long": ["w" * 600]})  # fmt: skip
    [size], [digest], [number], [text], [flag], [long] = cells(frame)
    assert (size, number, text, flag) == tuple(
        f"<!--000000000-->{words}" for words in ["1.98 MB", "0.25", "&lt;b&gt;", "✓"])  # fmt: skip
    assert digest.endswith(f'title="sha256:{"a" * 64}">sha256:{"a" * 12}<s>{"a" * 52}</s></span>')
    assert long.endswith(f">{'w' * 500}…</span>")


# The docker command


def search(**noted):
    return equivalents.with_command(
        FOUND.copy(), "docker", "search", filters={"official": "is-official", "stars": "stars"},
        rest=["busy box"], **noted)  # fmt: skip


def line(frame, choices):
    table = tables.explore(frame)
    table.choices = choices
    shown = html.unescape(re.sub("<[^>]+>", "", table._command.value))
    return (shown.removeprefix("$ "), "") if "<pre" in table._command.value else ("", shown)


@pytest.mark.parametrize(
    ("choices", "options"),
    [
        ({"official": True}, "--filter is-official=true "),
        ({"official": True, "stars": [3, None]}, "--filter is-official=true --filter stars=3 "),
        ({"stars": [3.0, None]}, "--filter stars=3 "),
    ],
)
def test_the_command_that_the_choices_stand_for(choices, options):
    assert line(search(), choices) == (f"docker search {options}'busy box'", "")


@pytest.mark.parametrize(
    ("choices", "lacking"),
    [
        ({"search": "x"}, "text"),
        ({"stars": [None, 70]}, "stars at most"),
        ({"official": True, "stars": [3, 70], "search": "x"}, "stars at most, text"),
    ],
)
def test_no_command_where_docker_has_no_filter(choices, lacking):
    assert line(search(), choices) == ("", f"docker search has no filter for: {lacking}")


def test_filters_that_were_asked_for_already_stay():
    asked = {"is-official": "true", "stars": "3"}
    wanted = "docker search --filter is-official=true --filter stars={} 'busy box'"
    assert line(search(asked=asked), {"official": True})[0] == wanted.format(3)
    assert line(search(asked=asked), {"stars": [70, None]})[0] == wanted.format(70)


def test_no_command_for_rows_that_the_command_does_not_give():
    chosen, made = {"stars": [1, None]}, search()
    assert line(FOUND, chosen) == ("", "")
    assert line(made.query("not official"), chosen) == ("", "")
    assert line(made.head(3), chosen) == ("", "")
    assert line(made.assign(stars=1), {"official": True}) == ("", "")
    wanted = "docker search --filter stars=1 'busy box'"
    assert line(made.sort_values("stars"), chosen)[0] == wanted


def test_no_command_before_anything_is_chosen():
    """The helper has shown it already."""
    assert line(search(), {}) == ("", "")


def test_a_stranger_s_words_stay_one_word_of_the_command():
    frame = pd.DataFrame({"state": ["a; rm -rf $HOME", "a; rm -rf $HOME", "b"]})
    equivalents.with_command(frame, "docker", "ps", "-a", filters={"state": "status"})
    shown, _ = line(frame, {"state": "a; rm -rf $HOME"})
    assert shlex.split(shown) == ["docker", "ps", "-a", "--filter", "status=a; rm -rf $HOME"]


# Where no kernel is


def still(frame):
    picture = frames.static_repr(frame)
    return picture["text/html"], picture["text/plain"]


def test_a_table_s_outputs_are_a_picture_and_a_widget_that_leaves_nothing_else(capture):
    table = tables.explore(FOUND)
    table.choices = {"official": True}
    picture, widget = capture(table)
    assert set(picture) == {"text/html", "text/plain"}
    assert set(widget) == {"application/vnd.jupyter.widget-view+json"}
    assert "busybox" in picture["text/html"] and "ada/mail" not in picture["text/html"]
    assert picture["text/plain"] == repr(table)


@pytest.fixture
def capture():
    """Return a function that displays an object, and gives each output's data."""
    shell = InteractiveShell.instance()

    def displayed(thing):
        with capture_output() as captured:
            shell.display_formatter.format(thing)
        return [output.data for output in captured.outputs]

    yield displayed
    InteractiveShell.clear_instance()


def test_the_still_table_is_the_same_each_time_and_reads_well():
    frame = pd.DataFrame({"size": [1_982_486], "digest": ["sha256:" + "a" * 64], "created": [NOW]})
    assert still(frame) == still(frame)
    for text in still(frame):
        assert "1.98 MB" in text and "sha256:aaaaaaaaaaaa" in text
        assert "2026-06-01 12:00:00+00:00" in text and "a" * 13 not in text


def test_in_the_still_table_words_stand_at_the_left_and_no_number_is_broken():
    page, _ = still(pd.DataFrame({"name": ["busybox", "<td>" * 10], "stars": [2231, 7]}))
    left, right = '<{} style="text-align:left">', '<{} style="text-align:right;white-space:nowrap">'
    for cell, text in (("th", "name"), ("td", "busybox"), ("td", "&lt;td&gt;" * 10)):
        assert f"{left.format(cell)}{text}</{cell}>" in page
    for cell, text in (("th", "stars"), ("td", "2231"), ("td", "7")):
        assert f"{right.format(cell)}{text}</{cell}>" in page


def test_a_stranger_s_text_is_text_in_the_still_table():
    page, plain = still(ODD["strange"])
    assert set(re.findall(r"<(\w+)", page)) == {"table", "thead", "tbody", "tr", "th", "td"}
    for text in (page, plain):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800]", text)
        assert r"\x1b[31mred\x07\x9b0m" in text and r"\u202egnp.exe" in text


# Ten thousand rows


@pytest.fixture(scope="module")
def many():
    count = 10_000
    return pd.DataFrame({
        "name": [f"user{n}/repository-{n}" for n in range(count)],
        "description": [f"Words about number {n}, für alle" for n in range(count)],
        "stars": range(count), "size": range(0, count * 7_000, 7_000),
        "digest": [f"sha256:{n:064x}" for n in range(count)],
        "official": [n % 10 == 0 for n in range(count)],
        "created": NOW - pd.to_timedelta(range(count), unit="min"),
    })  # fmt: skip


@pytest.mark.alone
def test_a_key_costs_the_kernel_less_than_20_ms(many):
    table, times = tables.explore(many), []
    for text in ["9", "99", "999", "ü", "words", "nothing like it", "1", ""]:
        begun = time.perf_counter()
        table.choices = {"search": text, "stars": [3, None], "official": True}
        times.append(time.perf_counter() - begun)
    assert sorted(times)[len(times) // 2] < 0.02, times


def test_ten_thousand_rows_leave_a_small_still_table(many):
    page, plain = still(many)
    assert len(page) + len(plain) < 20_000
    assert "10000 rows" in page and "10000 rows" in plain
