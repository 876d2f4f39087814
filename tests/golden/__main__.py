"""`python -m tests.golden` writes docs/golden_cases.md."""

from pathlib import Path

from tests.golden import page

(Path(__file__).parents[2] / "docs" / "golden_cases.md").write_text(page(), encoding="utf-8")
