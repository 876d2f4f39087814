"""The page of the attribution report: one HTML file that asks nothing of a network or a server.

What it draws is in `contract.Report`. The frame, the looks and the behaviour are files of
`page_files/`, put together here as they are: there is no build step.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files

from dagster_code.lib.attribution_report.contract import Report

ECHARTS_VERSION = "6.1.0"

_FILES = files("dagster_code.lib.attribution_report") / "page_files"
_STYLES = ("base", "controls", "parts", "print")
# One scope: later files use earlier ones, and only `main` does anything by itself.
_SCRIPTS = (
    *("format", "data", "selection", "dom", "table", "charts"),
    *("headline", "models", "trend", "flow", "lengths", "paths", "performance", "quality"),
    *("choice", "controls", "main"),
)
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def render(report: Report) -> str:
    """Put the page together.

    Args:
        report: what it shows.

    Returns:
        The whole HTML document.

    Raises:
        ValueError: a number of the report is not finite.
    """
    echarts = _text("echarts/echarts.min.js")
    parts = "\n".join(_text(f"script/{name}.js") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    filled = {
        "policy": _policy(echarts, script),
        "style": "".join(_text(f"style/{name}.css") for name in _STYLES),
        "report": _json(report),
        "echarts": echarts,
        "echarts_version": ECHARTS_VERSION,
        "script": script,
    }
    # In one pass, so that nothing inserted is taken for a slot.
    return _SLOT.sub(lambda slot: filled[slot[1]], _text("page.html"))


def _text(name: str) -> str:
    return _FILES.joinpath(*name.split("/")).read_text(encoding="utf-8")


def _json(report: Report) -> str:
    """JSON that cannot end the script element it stands in, whatever somebody names a channel."""
    text = json.dumps(report, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _policy(*scripts: str) -> str:
    """Nothing may be loaded or sent, and no script runs but those named by their hashes."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    # Styles: ECharts and its tooltips set them at their elements.
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
