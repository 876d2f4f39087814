"""A notebook as a page: its text and its code, without what a run of it gave."""

import json


def page(source: str) -> str:
    """Write the page.

    Args:
        source: the notebook's JSON.

    Returns:
        Markdown.
    """
    cells = json.loads(source)["cells"]
    return "\n\n".join(_cell(cell["cell_type"], "".join(cell["source"])) for cell in cells) + "\n"


def _cell(kind: str, source: str) -> str:
    return source if kind == "markdown" else f"```python\n{source}\n```"
