"""Pictures of the report: `python -m tests.browser.pictures FOLDER`."""

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from dagster_code.lib.attribution_report.page import render
from tests.browser.report_data import REPORTS

# File, report, address, window, appearance, the part on top.
PICTURES = (
    ("report_light", "few", "", (1280, 1500), "light", None),
    ("report_dark", "few", "model=position_based&platforms=web", (1280, 1500), "dark", None),
    ("report_journeys", "few", "", (1280, 1700), "light", "flow"),
    ("report_quality", "few", "", (1280, 1250), "light", "performance"),
    ("report_phone", "few", "metric=conversions", (390, 2400), "light", None),
    ("report_500_channels", "many", "model=linear", (1280, 1500), "light", None),
    ("report_empty", "no_events", "", (1280, 900), "light", None),
)


def take(browser: Browser, folder: Path, pages: Path) -> None:
    """Take all pictures.

    Args:
        browser: that is running.
        folder: where they go.
        pages: where the pages are written.
    """
    for name, report, address, (width, height), scheme, part in PICTURES:
        file = pages / f"{report}.html"
        if not file.exists():
            file.write_text(render(REPORTS[report]()), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{file.as_uri()}#{address}")
        if part:
            # The bar of controls would lie above it.
            page.locator("#controls").evaluate("(bar) => { bar.style.position = 'static'; }")
            page.locator(f"#{part}").evaluate(
                "(it) => window.scrollTo(0, it.getBoundingClientRect().top - 24)"
            )
        picture = folder / f"{name}.png"
        page.screenshot(path=picture)
        page.close()
        with Image.open(picture) as image:
            plain = image.convert("RGB")
        plain.save(picture, optimize=True)


def main(folder: Path) -> None:
    """Take the pictures into a folder.

    Args:
        folder: made if it is not there.
    """
    program = shutil.which("chromium")
    if program is None:
        sys.exit("no Chromium (on Debian: apt install chromium)")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as pages:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(browser, folder, Path(pages))
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m tests.browser.pictures FOLDER")
    main(Path(sys.argv[1]))
