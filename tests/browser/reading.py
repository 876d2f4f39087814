"""What a reader sees on the page, as Python values."""

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

_CELLS = """
(rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim()))
"""


def heads(page: Page, place: str) -> list[str]:
    """The headings of the table at a place, without the signs of sorting.

    Args:
        page: that is open.
        place: a selector of what holds the table.
    """
    texts = page.locator(f"{place} thead th").all_inner_texts()
    return [" ".join(text.split()) for text in texts]


def rows(page: Page, place: str, part: str = "tbody") -> list[list[str]]:
    """All rows of the table at a place, as text.

    Args:
        page: that is open.
        place: a selector of what holds the table.
        part: ``tbody`` or ``tfoot``.
    """
    while part == "tbody" and (more := page.locator(f"{place} .more button")).count():
        more.click()
    cells: list[list[str]] = page.locator(f"{place} {part} tr").evaluate_all(_CELLS)
    return cells


def open_numbers(page: Page, figure: str) -> str:
    """Open the table of a figure.

    Args:
        page: that is open.
        figure: the figure's id.

    Returns:
        A selector of what holds the table.
    """
    details = page.locator(f"#{figure} details")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    page.locator(f"#{figure} details table").wait_for()
    return f"#{figure} details"


def number(text: str) -> float:
    """A number as the page writes it; cents for money are left to `cents`."""
    return float(text.replace(",", ""))


def cents(text: str) -> int:
    """Money as the page writes it, in cents.

    Args:
        text: with separators and exactly two decimals.
    """
    whole, decimals = text.replace(",", "").split(".")
    assert len(decimals) == 2, text
    assert text == f"{int(whole):,}.{decimals}", text
    return int(whole) * 100 + int(decimals)


def amount(text: str, metric: str) -> float:
    """An amount of a metric: cents of revenue, or conversions."""
    return cents(text) if metric == "revenue" else number(text)


def tiles(page: Page) -> dict[str, str]:
    """The numbers on top, by name."""
    names = page.locator("#tiles dt").all_inner_texts()
    values = page.locator("#tiles dd.value").all_inner_texts()
    return dict(zip(names, values, strict=True))


def choose(page: Page, which: str, labels: Sequence[str]) -> None:
    """Choose channels or platforms in their panel, by their labels.

    Args:
        page: that is open.
        which: ``channels`` or ``platforms``.
        labels: of what shall be chosen, besides what is.
    """
    page.click(f"#{which}-button")
    panel = page.locator(f"#{which}-panel")
    for label in labels:
        panel.get_by_role("checkbox", name=label, exact=True).check()
    page.keyboard.press("Escape")


def address(page: Page) -> str:
    """What stands after the # of the page's address."""
    result: Any = page.evaluate("location.hash.slice(1)")
    return str(result)
