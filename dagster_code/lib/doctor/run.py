"""One look at everything, in the order in which things depend on each other."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from dagster_code.lib.doctor.findings import Finding, Health, ill, noted, told
from dagster_code.lib.doctor.home import home_findings
from dagster_code.lib.errors import UserError
from dagster_code.lib.server_processes import living
from dagster_code.lib.settings import Settings


def examined(settings: Settings) -> list[Finding]:
    """Look at a home and what it stands on; nothing is changed, and no server started.

    Args:
        settings: whose home.
    """
    findings = list(home_findings(settings))
    is_up = any(one.name == "server" and one.health is Health.WELL for one in findings)
    state = living(settings)
    if not is_up or state is None:
        why = "not looked at: the server is not up"
        return [
            *findings,
            noted("tables", why, "`attribution up`, then `attribution doctor` again"),
        ]
    from dagster_code.lib.doctor.tables import table_findings
    from dagster_code.lib.session import session_on

    try:
        with session_on(settings, state.connect_port) as spark:
            findings += table_findings(spark)
    except UserError as error:
        findings.append(ill("tables", str(error), "see `docs/runbook.md`"))
    return findings


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Tell whether nothing is a problem.

    Args:
        findings: all of them.
    """
    return all(finding.health is not Health.ILL for finding in findings)


def report(findings: Sequence[Finding], as_json: bool) -> Iterator[str]:
    """Write the findings.

    Args:
        findings: all of them.
        as_json: as an array of objects, for a program.
    """
    if as_json:
        yield json.dumps([asdict(finding) for finding in findings], indent=2) + "\n"
        return
    yield from told(findings)
