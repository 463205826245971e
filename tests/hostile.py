"""Words that a stranger may choose, to have a command of his run where a line is pasted."""

PWNED = "touch PWNED"
WORDS = [
    f"x\x1b[201~\r{PWNED}\r", f"x\x1b[201~\n{PWNED}\n", f"\x9b201~\r{PWNED}\r", f"x\r{PWNED}\r",
    f"x\n{PWNED}\n", f"\n{PWNED}\n\n", f"x'\n{PWNED}\n#'", f"\x03{PWNED}\r", f"\x15{PWNED}\r",
    f"\x04\x04{PWNED}", f"\x1a{PWNED}\r", f"\x16\x1b[201~\r{PWNED}\r", f"\x85{PWNED}\u2028{PWNED}",
    "x\ty\t\t", "x\x7f\x7f\x08", "\x1b]0;title\x07", "\x1bc", f"\u202e{PWNED}", "a\u2066b\u2069c",
    "\ufeffx\u200b", "\U000e0041", "bytes \udcff\udc80", "100%\x1b%s\\n\\033'q'\"$HOME`id`!!",
    f"'; {PWNED}; '", f'"; {PWNED}; "', f"$({PWNED})", f"`{PWNED}`", f"; {PWNED}", "!!", "!touch",
    f"--checkpoint-action=exec={PWNED}", f"--to-command={PWNED}", f"-I{PWNED}", "-\x1b", "--", "-",
]  # fmt: skip
