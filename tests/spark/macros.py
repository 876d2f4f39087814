"""The project's SQL macros, rendered without dbt."""

import functools

import jinja2

from dagster_code.lib.dbt import declared_variables
from dagster_code.lib.settings import DBT_PROJECT_DIR


def render(expression, **variables):
    """Render an expression that calls macros, like `whole_days('a', 'b')`, as SQL.

    Args:
        expression: Jinja, without the braces around it.
        variables: dbt variables that differ from the project's defaults.
    """
    return _rendered("{{ " + expression + " }}", variables)


def render_model(name, **variables):
    """Render a model as a query on views that have the names of the models it refers to.

    Args:
        name: of the model.
        variables: dbt variables that differ from the project's defaults.
    """
    (path,) = (DBT_PROJECT_DIR / "models").rglob(f"{name}.sql")
    return _rendered(path.read_text(encoding="utf-8"), variables)


def _rendered(text, variables):
    known = declared_variables()
    assert set(variables) <= set(known)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    environment.globals |= {
        "var": (known | variables).__getitem__,
        "ref": lambda model: model,
        "config": lambda **_options: "",
    }
    return environment.from_string(_all_macros() + text).render().strip()


@functools.cache
def _all_macros():
    # One template, since in dbt every macro sees every other one. A materialization is a tag
    # that only dbt knows.
    macros_dir = DBT_PROJECT_DIR / "macros"
    only_for_dbt = set((macros_dir / "materializations").rglob("*.sql"))
    files = sorted(set(macros_dir.rglob("*.sql")) - only_for_dbt)
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
