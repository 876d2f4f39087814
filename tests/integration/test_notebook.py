"""The notebook, executed from top to bottom as Jupyter does it, on a live server."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pyspark.sql import functions as F

from dagster_code.lib import server
from dagster_code.lib.errors import UserError
from dagster_code.lib.notebook import as_of, history
from dagster_code.lib.session import session_on
from tests.integration.conftest import PATIENCE_SECONDS

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "explore_marts.ipynb"
# One for each of the four questions, the models, the journey.
PLOT_COUNT = 6

pytestmark = [pytest.mark.integration]


@pytest.fixture(scope="module")
def executed(built_home, tmp_path_factory):
    """The notebook with its outputs, on the marts."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTRIBUTION_HOME", str(built_home.settings.home))
        # away from the checkout, as a notebook can be
        client = NotebookClient(
            notebook,
            timeout=PATIENCE_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(tmp_path_factory.mktemp("notebooks"))}},
        )
        client.execute()
    return notebook


@pytest.fixture(scope="module")
def session(executed, built_home):
    """A session on the server after the notebook, in which nothing else writes."""
    state = server.ensure_running(built_home.settings, lambda _line: None)
    with session_on(built_home.settings, state.connect_port) as spark:
        yield spark


def outputs(notebook, cell_id):
    """Give what a cell showed, by MIME type."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    return [output.data for output in cell.get("outputs", []) if "data" in output]


def test_every_cell_runs_and_nothing_is_an_error(executed):
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [o for cell in cells for o in cell.outputs if o.output_type == "error"] == []


def test_every_plot_is_drawn(executed):
    shown = [data for cell in executed.cells for data in outputs(executed, cell.id)]
    assert sum("image/png" in data for data in shown) == PLOT_COUNT


def test_the_notebook_s_channels_are_the_mart_s(executed, built_home):
    expected = built_home.rows(
        "select channel, sum(attributed_revenue) as revenue, count(distinct client_id) as clients"
        " from marts.first_touch_attribution group by channel"
        " order by revenue desc, channel limit 20"
    )
    (table,) = [
        data["text/plain"] for data in outputs(executed, "first_touch") if "text/html" in data
    ]
    rows = [line.split() for line in table.splitlines()[1:]]
    assert rows == [
        [str(place), row["channel"], str(row["revenue"]), str(row["clients"])]
        for place, row in enumerate(expected)
    ]


def test_the_journey_drawn_is_one_of_the_mart(executed, built_home):
    (table,) = [
        data["text/plain"] for data in outputs(executed, "one_journey") if "text/html" in data
    ]
    client_id = table.splitlines()[1].split()[1]
    found = built_home.rows(
        f"select count(*) as n from marts.conversion_paths where client_id = '{client_id}'"
    )
    assert found[0]["n"] >= 1


def test_the_notebook_is_committed_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell.id for cell in notebook.cells if cell.get("outputs")] == []


def versions(session, table):
    """List a table's versions, oldest first, with their instants in a zone that is not UTC."""
    zone = timezone(timedelta(hours=5, minutes=45))
    rows = history(session, table).select("version", F.unix_micros("timestamp")).collect()
    return [(version, datetime.fromtimestamp(micros / 1e6, zone)) for version, micros in rows][::-1]


def test_a_table_is_read_as_it_was_at_an_instant(session):
    table = "raw.landed_files"
    (_, first), (second_version, second), *_ = versions(session, table)
    expected = {
        first - timedelta(days=1): 0,
        second - timedelta(milliseconds=1): 0,
        second + timedelta(milliseconds=1): second_version,
    }
    for instant, version in expected.items():
        assert sorted(as_of(session, table, instant).collect()) == sorted(
            session.sql(f"select * from {table} version as of {version}").collect()
        )


def test_an_instant_without_a_zone_is_refused(session):
    with pytest.raises(UserError, match="time zone"):
        as_of(session, "raw.landed_files", datetime(2026, 1, 1))  # noqa: DTZ001  the mistake itself
