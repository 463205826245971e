"""Numbers, times and texts as a person reads them, in docker's own wording."""

import math
import re

# Control characters (a terminal would obey them), line separators, marks that turn the writing
# direction or are not seen (but for the two that join letters), and halves of letters that no
# encoding can send: what stands between brackets in a regular expression.
UNSAFE = (
    "\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{UNSAFE}]")
_DIGEST = re.compile("((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}")


class Text(str):
    """Text that a notebook shows as it is, without quotes."""

    def _repr_pretty_(self, printer, cycle):
        printer.text(self.rstrip("\n"))


def size(count):
    """Write a number of bytes in docker's decimal units, such as `1.98 MB`."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            return f"{count:.3g} {unit}"
        count /= 1000


def age(then, now):
    """Write how long ago a time was, in docker's words, such as `3 minutes ago`."""
    seconds = (now - then).total_seconds()
    minutes, hours = int(seconds / 60), int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second ago" if seconds >= -1 else f"{then:%Y-%m-%d %H:%M:%S}"
    if minutes == 1 or (minutes >= 60 and hours == 1):
        return "About a minute ago" if minutes == 1 else "About an hour ago"
    if minutes < 60:
        count, unit = (minutes, "minute") if minutes else (int(seconds), "second")
    else:
        steps = [(48, 1, "hour"), (24 * 14, 24, "day"), (24 * 60, 24 * 7, "week"),
                 (24 * 730, 24 * 30, "month"), (math.inf, 24 * 365, "year")]  # fmt: skip
        count, unit = next((hours // one, unit) for end, one, unit in steps if hours < end)
    return f"{count} {unit}{'s' if count != 1 else ''} ago"


def short(digest):
    """Cut a digest to the 12 digits that docker shows; any other text stays as it is."""
    return _DIGEST.fullmatch(digest)[1] if _DIGEST.fullmatch(digest) else digest


def visible(text):
    """Write characters that a terminal or a browser would obey as Python does: `\\x1b`."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def clipped(text, size):
    """Leave out the middle of a long text: what counts is at its beginning or its end."""
    return text if len(text) <= size else f"{text[: size // 2]} … {text[-size // 2 :]}"
