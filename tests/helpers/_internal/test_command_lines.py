"""The shown command lines: a shell splits them into the words that they were made of."""

import os
import pty
import random
import select
import shlex
import subprocess
import time

import pytest

from helpers._internal import command, errors
from tests.hostile import WORDS

NASTY = [
    "", " ", "a b", "'", '"', "$HOME", "${x}", "$(id)", "`id`", "\\", "\\\\", "a\\nb", "!", "!!",
    "it's", "it's $5", "'\"'", "\"it's\"", "a'b\"c", "#", "# x", "~", "~root", "*", "?", "[a-z]",
    "{a,b}", "a;b", "a&b", "a|b", "<x>", "(x)", "a=b", "=", "-", "--", "-x", "\n", "a\nb", "\t",
    "ü", "日本語", "🐳", "é'", "\u00a0", "%s", "^", "127.0.0.1:5052/ada/x:1", "x@sha256:0",
    'CMD ["sh", "-c", "echo it\'s"]', "trap 'echo saved; exit 0' TERM; sleep 600 & wait", "a'!b",
]  # fmt: skip


def words(count=400):
    """Give the nasty words, each alone, and many mixtures of them."""
    chance = random.Random(20)
    yield from ([one] for one in NASTY)
    letters = "ab '\"$`\\!#*~\n\t;&|<>(){}[]?=-^%ü🐳"
    for _ in range(count):
        yield [
            "".join(chance.choice(letters) for _ in range(chance.randrange(12)))
            for _ in range(chance.randrange(1, 6))
        ]
        yield chance.sample(NASTY, 4)


def test_split_gives_the_words_back():
    for some in words():
        some = [word for word in some if not set("\t\n") & set(word)]
        assert shlex.split(command.line("docker", *some)) == ["docker", *some], some


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_real_shell_gives_the_words_back(shell, tmp_path):
    every = [[*some, "|"] for some in words(60)] + [WORDS]
    lines = [command.line("printf", r"%s\0", *some) for some in every]
    done = subprocess.run([shell, "-c", "\n".join(lines)], capture_output=True, cwd=tmp_path)
    expected = b"".join(os.fsencode(one) + b"\0" for some in every for one in some)
    assert done.stdout == expected and done.stderr == b""
    assert list(tmp_path.iterdir()) == []


BRACKETS = "\x1b[200~{}\x1b[201~"  # what a terminal puts around what is pasted, if it is asked to


@pytest.mark.parametrize(
    ("shell", "paste"),
    [
        ("bash --norc --noprofile -i", BRACKETS),
        ("bash --norc --noprofile -i +o emacs", "{}"),
        ("bash --noprofile --rcfile plain -i", "{}"),
        ("dash -i", "{}"),
    ],
)
def test_a_line_that_is_pasted_in_a_terminal_runs_nothing_but_itself(shell, paste, tmp_path):
    (tmp_path / "plain").write_text("bind 'set enable-bracketed-paste off'")
    before = set(tmp_path.iterdir())
    with Terminal(shell, tmp_path) as terminal:
        for place, word in enumerate([*WORDS, *NASTY]):
            line = command.line("printf", r"%s\0", word, f"{place}")
            terminal.types(paste.format(f"{line} > words").replace("\n", "\r") + "\r")
            expected = os.fsencode(word) + f"\0{place}\0".encode()
            assert terminal.finds(tmp_path / "words", expected), repr(word)
            (tmp_path / "words").unlink()
    assert set(tmp_path.iterdir()) == before


class Terminal:
    """A shell with a terminal, in which a person types."""

    def __init__(self, shell, place):
        process, self._end = pty.fork()
        if process == 0:
            os.chdir(place)
            name, *words = shell.split()
            os.execvpe(name, [name, *words], os.environ | {"TERM": "xterm", "HISTFILE": ""})
        self._process = process
        self._reads(1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self._end)  # which hangs up
        os.waitpid(self._process, 0)

    def types(self, text):
        os.write(self._end, text.encode())

    def finds(self, file, expected):
        """Wait until a file says what is expected."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self._reads(0.01)
            if file.exists() and file.read_bytes() == expected:
                return True
        return False

    def _reads(self, seconds):
        if select.select([self._end], [], [], seconds)[0]:
            os.read(self._end, 1 << 16)


def test_the_history_of_an_interactive_shell_stays_out_of_it():
    """`!` within double quotes would be expanded where a person pastes the line."""
    for some in words():
        for word in some:
            line = command.line(word)
            assert "!" not in line or not line.startswith('"')


def test_none_is_left_out_and_numbers_are_words():
    assert command.line("docker", None, "stop", "-t", 2, None, "x") == "docker stop -t 2 x"
    assert command.line("a", 0, "") == "a 0 ''"


def test_the_easiest_quotes_to_read():
    assert command.line("sh", "-c", "echo it's") == 'sh -c "echo it\'s"'
    assert command.line("sh", "-c", 'CMD ["sh"]') == "sh -c 'CMD [\"sh\"]'"
    assert command.line("docker", "run", "busybox") == "docker run busybox"


def test_a_page_is_a_link_and_nothing_else_is():
    page = command.Command("curl http://127.0.0.1:8080/")._repr_html_()
    assert '<a href="http://127.0.0.1:8080/" target="_blank"' in page
    for other in ("curl http://127.0.0.1:80/<i>", "curl http://127.0.0.1.example.com/",
                  "curl http://127.0.0.1:80/ -o x", 'curl http://127.0.0.1:80/"x=1',
                  "echo curl http://127.0.0.1:80/"):  # fmt: skip
        assert "href" not in command.Command(other)._repr_html_(), other


def test_html_is_escaped():
    page = command.Command("echo '<script>alert(1)</script>' && a > b", 'x "y" &amp;')._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page and "&amp;&amp;" in page and "&amp;amp;" in page
    assert page.count("$ ") == 2


@pytest.mark.parametrize("word", ["\0", "a\0b", "\ud800", "\udc7f", "\udd00"])
def test_a_word_that_no_command_can_have_is_refused(word):
    with pytest.raises(errors.InvalidInput, match="no command can have the word"):
        command.line("docker", "pull", word)


def test_what_a_terminal_obeys_and_what_is_not_seen_is_not_in_the_line():
    unsafe = [*range(1, 10), *range(11, 32), *range(127, 160), 0xAD, 0x200E, 0x2028,
              *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xE0041]  # fmt: skip
    for code in unsafe:
        line = command.line("docker", f"a{chr(code)}b")
        assert chr(code) not in line and line.startswith('docker "$(printf '), hex(code)
    assert command.line("sh", "-c", "a\nb") == "sh -c \"$(printf 'a\\nb')\""
    assert command.line("echo", "👩\u200d🚀") == "echo '👩\u200d🚀'"  # it joins the two


def test_a_dash_that_begins_a_name_is_no_option():
    assert command.operands("a", "b") == ("a", "b")
    assert command.operands("a", "-b") == ("--", "a", "-b")


def test_plain_text():
    assert repr(command.Command("docker ps", "docker images")) == "$ docker ps\n$ docker images"


def test_what_prepares_is_folded_above_and_stands_first_in_plain_text():
    made = command.Command("docker run x", prepared=["docker rm -f <x>", "docker pull x"])
    assert repr(made) == "$ docker rm -f <x>\n$ docker pull x\n$ docker run x"
    page = made._repr_html_()
    assert page.startswith("<details><summary>Prepared with 2 commands</summary><pre")
    assert page.index("-f &lt;x&gt;") < page.index("</details>") < page.index("docker run x")
    assert "Prepared with 1 command<" in command.Command("b", prepared=["a"])._repr_html_()
    assert "<details" not in command.Command("b")._repr_html_()


def test_commands_of_a_folded_block_stand_together_and_closed(monkeypatch):
    made = []
    monkeypatch.setattr(command, "display", lambda one, **more: made.append(one))
    with command.folded():
        with command.shown("docker run x", prepared=["docker rm -f x"]):
            pass
        with command.shown("docker commit x y"):
            pass
    [one] = made
    assert repr(one) == "$ docker rm -f x\n$ docker run x\n$ docker commit x y"
    assert one._repr_html_().endswith("</details>")
    with command.folded():
        pass
    with command.quietly(), command.folded():
        with command.shown("docker ps"):
            pass
    assert made == [one]


def test_nothing_is_shown_quietly(shown):
    with command.quietly(), command.shown("one"), command.shown("two", prepared=["three"]):
        pass
    with command.shown("four"):
        assert shown == ["four"]


def test_the_line_is_shown_before_the_block_runs(shown):
    with command.shown("one", "two"):
        assert shown == ["one", "two"]


def test_what_goes_wrong_is_said_in_the_words_of_the_last_line(shown):
    with pytest.raises(errors.Conflict) as caught, command.shown("docker create", "docker start"):
        raise OSError("address already in use")
    assert str(caught.value).startswith("docker start: ")
