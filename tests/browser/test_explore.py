"""`explore` as a person meets it: in JupyterLab, by mouse and by keyboard, in both themes."""

import re
import statistics

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import set_theme, settle

HUNDRED = """
import pandas as pd
from helpers import tables
from helpers._internal import equivalents
frame = pd.DataFrame({
    "name": [f"user{n}/busybox-{n}" for n in range(100)],
    "description": [f"Words about {n}, für alle" if n % 9 else "" for n in range(100)],
    "stars": [n * n // 3 for n in range(100)],
    "official": [n % 9 == 0 for n in range(100)],
})
made = equivalents.with_command(frame, "docker", "search", rest=["busybox"],
                                filters={"official": "is-official", "stars": "stars"})
table = tables.explore(made)
table
"""
READABLE = """
import pandas as pd
from helpers import tables
now = pd.Timestamp.now("UTC")
digests = ["sha256:" + letter * 64 for letter in "cab"]
table = tables.explore(pd.DataFrame({
    "digest": digests, "size": [1_982_486, 999, 22_900_000], "tag": ["one", "two", "one"],
    "created": [now - pd.Timedelta("3min"), now - pd.Timedelta("2D"), now - pd.Timedelta("30s")],
}))
table
"""
BIG = """
import pandas as pd
from helpers import tables
table = tables.explore(pd.DataFrame({
    "name": [f"user{n}/repository-{n}" for n in range(10_000)],
    "description": [f"Words about number {n}, für alle" for n in range(10_000)],
    "stars": range(10_000), "size": range(0, 70_000_000, 7_000),
    "digest": [f"sha256:{n:064x}" for n in range(10_000)],
    "official": [n % 10 == 0 for n in range(10_000)],
}))
table
"""
PAYLOADS = [
    "<img src=x onerror='ran=1'>", "<script>ran=1</script>", '"><svg onload=ran=1>',
    "<a href='javascript:ran=1'>x</a>", "</span></td><b>bold</b>", "&lt;b&gt;",
    "\x1b[31mred\x1b[0m",
]  # fmt: skip
STRANGE = f"""
import pandas as pd
from helpers import tables
from helpers._internal import equivalents
texts = {PAYLOADS!r}
frame = pd.DataFrame({{
    "text": texts * 2, "tag": [texts[1], texts[0]] * len(texts),
    "digest": [text + "a" * 300 for text in texts] * 2,
    **{{text: range(2 * len(texts)) for text in texts}},
}})
made = equivalents.with_command(frame, "docker", "search", rest=[texts[0]],
                                filters={{"tag": texts[2]}})
table = tables.explore(made)
table
"""


def rows(page):
    return page.get_by_role("table").locator("tbody tr")


def column(page, place):
    return rows(page).locator(f"td:nth-child({place})").all_inner_texts()


def count(page, text):
    expect(page.get_by_text(re.compile("^[0-9]+ of [0-9]+ rows?"))).to_have_text(text)


def test_filters_by_mouse_narrow_the_rows_and_reset_brings_them_back(page, run, ask):
    run(HUNDRED)
    count(page, "100 of 100 rows")
    expect(page.get_by_text("$ docker search")).to_have_count(0)
    page.get_by_role("checkbox", name="official").check()
    low = page.get_by_role("slider", name="stars at least").bounding_box()
    high = page.get_by_role("slider", name="stars at most").bounding_box()
    page.mouse.move(low["x"] + low["width"] / 2, low["y"] + low["height"] / 2)
    page.mouse.down()
    page.mouse.move(low["x"] + low["width"] / 2 + (high["x"] - low["x"]) * 3 / 19, low["y"])
    page.mouse.up()
    count(page, "11 of 100 rows")
    expect(page.get_by_text("stars 3 – 3267")).to_be_visible()
    line = "$ docker search --filter is-official=true --filter stars=3 busybox"
    expect(page.get_by_text(line, exact=True)).to_be_visible()
    assert ask("table.frame.index.tolist()") == str(list(range(9, 100, 9)))
    page.get_by_role("textbox", name="search").fill("BUSYBOX- USER9/")
    count(page, "1 of 100 rows")
    expect(page.get_by_text("docker search has no filter for: text")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    count(page, "100 of 100 rows")
    expect(page.get_by_text("docker search has no filter")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="official")).not_to_be_checked()
    expect(page.get_by_role("textbox", name="search")).to_have_value("")
    expect(page.get_by_text("stars 0 – 3267")).to_be_visible()


def test_filters_by_keyboard_alone(page, run):
    run(HUNDRED)
    page.get_by_role("textbox", name="search").focus()
    page.keyboard.type("FÜR")
    count(page, "88 of 100 rows")
    for _ in "FÜR":
        page.keyboard.press("Backspace")
    count(page, "100 of 100 rows")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    count(page, "12 of 100 rows")
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    count(page, "11 of 100 rows")
    expect(page.get_by_role("slider", name="stars at least")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    count(page, "0 of 100 rows")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    count(page, "100 of 100 rows")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    head = page.get_by_role("columnheader", name="description")
    expect(head).to_have_attribute("aria-sort", "ascending")


def test_sorts_and_pages(page, run):
    run(HUNDRED)
    head = page.get_by_role("columnheader", name="stars")
    head.click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert column(page, 3)[:2] == ["3267", "3201"]
    page.get_by_role("link", name="Next").click()
    expect(rows(page).first).to_contain_text("user89/")
    assert rows(page).count() == 10
    page.get_by_role("checkbox", name="official").check()
    count(page, "12 of 100 rows")
    assert column(page, 3)[:2] == ["3267", "2700"]  # what is chosen leaves the order alone


def test_sizes_ages_and_digests_are_readable_and_sort_by_the_exact_value(page, run):
    run(READABLE)
    assert column(page, 2) == ["1.98 MB", "999 B", "22.9 MB"]
    assert column(page, 4) == ["3 minutes ago", "2 days ago", "30 seconds ago"]
    rest = rows(page).first.locator("td").first.locator("s")  # the digest is shown in short
    assert rest.inner_text() == "c" * 52 and rest.bounding_box()["width"] == 0
    page.get_by_role("columnheader", name="size").click()
    expect(rows(page).first).to_contain_text("999 B")
    page.get_by_role("columnheader", name="created").click()
    expect(rows(page).first).to_contain_text("2 days ago")
    page.get_by_role("columnheader", name="digest").click()
    expect(rows(page).first).to_contain_text("sha256:" + "a" * 12)
    expect(page.get_by_title("sha256:" + "a" * 64)).to_be_visible()


def test_a_digest_is_copied_whole(page, run):
    run(READABLE)
    page.get_by_title("sha256:" + "c" * 64).select_text()
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == "sha256:" + "c" * 64


def test_choices_and_times(page, run, ask):
    run(READABLE)
    page.get_by_role("combobox", name="tag").select_option("one")
    count(page, "2 of 3 rows")
    page.get_by_role("slider", name="created at least").press("End")
    count(page, "1 of 3 rows")
    assert ask("table.frame['size'].item()") == "22900000"


def test_choices_made_in_python_are_seen(page, run, ask):
    run(HUNDRED)
    ask("table.choices = {'search': 'busybox-5', 'stars': [7, None]}; 1")
    count(page, "11 of 100 rows")
    expect(page.get_by_role("textbox", name="search")).to_have_value("busybox-5")
    expect(page.get_by_text("stars 7 – 3267")).to_be_visible()
    slider = page.get_by_role("slider", name="stars at least")
    expect(slider).to_have_attribute("aria-valuetext", "5")  # the place among the stops


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_stranger_s_text_is_text(page, run, theme):
    set_theme(page, theme)
    run(STRANGE)
    count(page, "14 of 14 rows")
    shown = [one.replace("\x1b", "\\x1b") for one in PAYLOADS]
    assert column(page, 1)[:7] == shown
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert [one.strip() for one in heads[3:]] == shown
    options = page.get_by_role("combobox", name="tag").locator("option").all_inner_texts()
    assert [one.replace("\xa0", " ") for one in options] == ["all", *sorted(PAYLOADS[:2])]
    page.get_by_role("combobox", name="tag").select_option(PAYLOADS[0])
    count(page, "7 of 14 rows")
    expect(page.get_by_text("docker search --filter '\"><svg onload=ran=1>=<img")).to_be_visible()
    page.get_by_role("columnheader").nth(3).click()
    assert page.evaluate("typeof ran") == "undefined"


_PICTURE = "jupyterapp.shell.currentWidget.content.widgets[0].model.outputs.get(0).toJSON().data"


def test_a_stranger_s_text_is_text_where_no_kernel_is(page, run):
    run(STRANGE)
    count(page, "14 of 14 rows")
    picture = page.context.new_page()
    picture.set_content(page.evaluate(_PICTURE)["text/html"])
    texts = picture.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
    assert texts[0] == PAYLOADS[0]
    strange = "typeof ran + document.querySelectorAll('img,svg,b,a,script').length"
    assert picture.evaluate(strange) == "undefined0"
    picture.close()


MONEY = """
import pandas as pd
from helpers import tables
names = ["$5 or $6", r"\\(x\\)", "$tag$", "constructor", "__proto__"]
words = ["$5 or $6", r"\\(x\\) and $$y$$"]
columns = [words * 2, [1, 2, 3, 4], words * 2, [True, False] * 2, words * 2]
tables.explore(pd.DataFrame(dict(zip(names, columns))))
"""


def test_money_is_no_mathematics_and_odd_names_of_columns_work(page, run):
    run(MONEY)
    count(page, "4 of 4 rows")
    expect(rows(page).first).to_contain_text("$5 or $6")
    page.get_by_role("checkbox", name="constructor").check()
    page.get_by_role("combobox", name="__proto__").select_option(index=1)
    count(page, "2 of 4 rows")
    page.get_by_role("columnheader", name="$tag$").click()
    assert page.locator("mjx-container").count() == 0


_KEYS = """async () => {
  const box = document.activeElement, table = box.closest(".lesson-table");
  const changed = (place) => new Promise((done) => {
    new MutationObserver((_, self) => { self.disconnect(); done(); })
      .observe(place, { childList: true });
  });
  const times = [];
  for (const text of ["9", "99", "999", "9999", "999", "99", "9", "98"]) {
    const begun = performance.now();
    box.value = text;
    const all = [table.querySelector("[role=status]").parentElement, table.querySelector("tbody")];
    const both = Promise.all(all.map(changed));
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await both;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - begun);
  }
  return times;
}"""


@pytest.mark.alone
def test_ten_thousand_rows_answer_each_key_in_time(page, run, ask):
    run(BIG)
    count(page, "10000 of 10000 rows")
    page.get_by_role("textbox", name="search").focus()
    times = settle(page, _KEYS)
    assert statistics.median(times) < 200, times
    left = sum("98" in f"{n} {n:x}" for n in range(10_000))
    count(page, f"{left} of 10000 rows")


def test_fast_typing_ends_with_what_was_typed_last(page, run):
    run(BIG)
    page.get_by_role("textbox", name="search").focus()
    page.keyboard.type("repository-1234")
    page.keyboard.press("Backspace")
    page.keyboard.type("5")
    count(page, "1 of 10000 rows")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("user1235/repository-1235")


def test_what_is_chosen_while_the_kernel_is_busy_is_shown_afterwards(page, run):
    run(HUNDRED)
    busy = "import threading as t; t.Timer(1.5, (go := t.Event()).set).start(); go.wait()"
    page.evaluate("""code => { jupyterapp.shell.currentWidget.context.sessionContext
        .session.kernel.requestExecute({ code }); }""", busy)  # fmt: skip
    page.get_by_role("checkbox", name="official").check()
    page.get_by_role("textbox", name="search").fill("user9/")
    count(page, "100 of 100 rows")
    count(page, "1 of 100 rows")


def test_columns_named_as_what_javascript_objects_have(page, run, ask):
    names = ["constructor", "__proto__", "toString", "hasOwnProperty"]
    run("import pandas as pd\nfrom helpers import tables\n"
        f"table = tables.explore(pd.DataFrame({{name: [1, 2, 3] for name in {names}}}))\ntable")
    count(page, "3 of 3 rows")
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert [one.strip() for one in heads] == names
    for name in names:
        page.get_by_role("slider", name=f"{name} at least").press("End")
        count(page, "1 of 3 rows")
        assert ask("table.choices") == str({name: [3, None]})
        page.get_by_role("button", name="Reset").click()
        count(page, "3 of 3 rows")


WIDE = """pd.DataFrame({f"column_{n}": ["x" * 20] for n in range(40)})"""
LONG = """pd.DataFrame({"text": ["w" * 100_000, "many words " * 10_000], "y" * 200: [1, 2]})"""
ODD = [
    "pd.DataFrame()", "pd.DataFrame(index=range(3))", "pd.DataFrame(columns=['a', 'b'])",
    "pd.DataFrame({'a': [None, None], 'b': [1, 1], 'c': [True, pd.NA]})",
    "pd.DataFrame([[1, 'é'], [2, '日本語🐳']], columns=['a', 'a'], index=['x', 'x'])",
    "pd.DataFrame({'env': [['A=1'], {'b': 2}, None]})", WIDE, LONG,
]  # fmt: skip


@pytest.mark.parametrize("frame", ODD)
def test_any_frame_fits_the_page(page, run, frame):
    run(f"import pandas as pd\nfrom helpers import tables\ntables.explore({frame})")
    expect(page.get_by_text(re.compile("[0-9]+ of [0-9]+ rows?"))).to_be_visible()
    wider = "one => one.scrollWidth > one.clientWidth"
    assert not page.locator(".lesson-table").evaluate(wider)
    assert not page.locator(".jp-OutputArea").first.evaluate(wider)


_CONTRAST = """root => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const over = (colors) => {  // as painted: the page's white below all
    for (const color of ["#fff", ...colors]) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((one) => one / 255)
    .map((one) => (one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4))
    .reduce((sum, one, place) => sum + one * [.2126, .7152, .0722][place], 0);
  const found = [];
  for (const node of root.querySelectorAll("*")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own && !node.placeholder) continue;
    const grounds = [];
    for (let up = node; up; up = up.parentElement) {
      grounds.unshift(getComputedStyle(up).backgroundColor);
    }
    const { color } = getComputedStyle(node, node.placeholder ? "::placeholder" : null);
    const both = [light(over([...grounds, color])), light(over(grounds))];
    const [a, b] = both.sort((x, y) => y - x);
    found.push([node.textContent || node.placeholder, (a + .05) / (b + .05)]);
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_contrast_holds(page, run, theme):
    set_theme(page, theme)
    run(HUNDRED)
    count(page, "100 of 100 rows")
    found = page.locator(".lesson-table").evaluate(_CONTRAST)
    assert len(found) > 40
    assert [one for one in found if one[1] < 4.5] == []


def test_a_stranger_s_words_in_messages_logs_commands_and_bars_do_not_run(page, run):
    run(f"payloads = {PAYLOADS!r}\n" + STRANGER_ELSEWHERE)
    for said in ("the log:", "docker tag", "LessonError"):
        expect(page.get_by_text(said).filter(visible=True).first).to_be_visible()
    for payload in PAYLOADS[:5]:
        assert page.get_by_text(payload).count() >= 3
    assert page.evaluate("typeof ran") == "undefined"
    assert page.get_by_role("main").locator("[onerror], [onload]").count() == 0


STRANGER_ELSEWHERE = """
from IPython.display import display
from helpers import workspace
from helpers._internal import command, errors, progress
progress._DELAY = progress._INTERVAL = 0
with command.shown("docker pull x"):
    bars = progress.Progress()
    for payload in payloads:
        bars.update(payload, payload, 1, 2)
display(workspace.Text("the log: " + " ".join(payloads)))
display(command.Command(command.line("docker", "tag", *payloads)))
raise errors.LessonError("docker pull", " ".join(payloads), "See to that")
"""
