"""The shown command lines: a shell splits them into the words that they were made of."""

import random
import shlex
import subprocess

import pytest

from helpers import command, errors

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
        assert shlex.split(command.line("docker", *some)) == ["docker", *some], some


def test_a_real_shell_gives_the_words_back():
    lines = [command.line("printf", r"%s\0", *some, "|") for some in words(60)]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, check=True)
    expected = b"".join(f"{one}\0".encode() for some in words(60) for one in [*some, "|"])
    assert done.stdout == expected and done.stderr == b""


def test_the_history_of_an_interactive_shell_stays_out_of_it():
    """`!` within double quotes would be expanded where a person pastes the line."""
    for some in words():
        for word in some:
            if "!" in word:
                assert not command.line(word).startswith('"')


def test_none_is_left_out_and_numbers_are_words():
    assert command.line("docker", None, "stop", "-t", 2, None, "x") == "docker stop -t 2 x"
    assert command.line("a", 0, "") == "a 0 ''"


def test_the_easiest_quotes_to_read():
    assert command.line("sh", "-c", "echo it's") == 'sh -c "echo it\'s"'
    assert command.line("sh", "-c", 'CMD ["sh"]') == "sh -c 'CMD [\"sh\"]'"
    assert command.line("docker", "run", "busybox") == "docker run busybox"


def test_html_is_escaped():
    page = command.Command("echo '<script>alert(1)</script>' && a > b", 'x "y" &amp;')._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page and "&amp;&amp;" in page and "&amp;amp;" in page
    assert page.count("$ ") == 2 and page.count("\n") == 1


def test_the_prompt_is_not_copied():
    assert "user-select:none" in command.Command("docker ps")._repr_html_()


def test_plain_text():
    assert repr(command.Command("docker ps", "docker images")) == "$ docker ps\n$ docker images"


def test_the_line_is_shown_before_the_block_runs(shown):
    with command.shown("one", "two"):
        assert shown == ["one", "two"]


def test_what_goes_wrong_is_said_in_the_words_of_the_last_line(shown):
    with pytest.raises(errors.PortBusy) as caught, command.shown("docker create", "docker start"):
        raise OSError("address already in use")
    assert str(caught.value).startswith("docker start: ")
