"""Where things lie. All that this package writes lies in STATE, which git ignores."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".classroom"
