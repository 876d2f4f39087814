"""The dbt project seen from outside: its variables, its checksum, its manifest, its arguments."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dagster_code.lib.errors import RunFailedError, UserError
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import DBT_PROJECT_DIR, Settings
from dagster_code.lib.spark_errors import damage, is_gone

PROJECT_NAME = "attribution"
_PROJECT_FOLDERS = ("models", "seeds", "macros", "tests", "snapshots", "analyses")
_PARSE_TIMEOUT_SECONDS = 300
# How many of the models and tests are named that a lost server cut off.
_NAMED_NODES = 3
# How a check begins that has found nothing, since it did not come to look.
NOT_RUN = "it could not be run"


def executable() -> str:
    """Give the dbt of this very environment, which need not be on the PATH."""
    return str(Path(sys.executable).with_name("dbt"))


def declared_variables(project_dir: Path = DBT_PROJECT_DIR) -> dict[str, Any]:
    """Read the project's variables and their defaults.

    Args:
        project_dir: the folder of ``dbt_project.yml``.
    """
    text = (project_dir / "dbt_project.yml").read_text(encoding="utf-8")
    declared = yaml.safe_load(text).get("vars") or {}
    own = declared.get(PROJECT_NAME)
    return dict(own) if isinstance(own, dict) else dict(declared)


def parse_variables(text: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Read the variables of ``--vars`` and hold them against what the project declares.

    Args:
        text: a YAML mapping, or the path of a file with one.
        declared: the project's variables and their defaults, whose types the values must have.

    Returns:
        The given variables only.

    Raises:
        UserError: no mapping, an unknown name, or a value of the wrong type.
    """
    try:
        given = yaml.safe_load(_inline_or_file(text))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--vars cannot be read as YAML: {reason}") from error
    if not isinstance(given, dict):
        raise UserError(
            f"--vars {text!r} is neither a YAML mapping like '{{name: value}}'"
            " nor a file that holds one"
        )
    for name, value in given.items():
        _check_variable(name, value, declared)
    return given


# The seeds and the models that are made of them alone (dbt_project.yml, and the models' configs).
RULES_TAG = "rules"


def build_arguments(
    variables: Mapping[str, Any], is_full_refresh: bool, has_new_rules: bool = True
) -> list[str]:
    """Put together the arguments of a production build.

    dbt's unit tests are left out: they test the code, not the data, and run in CI.

    Args:
        variables: what differs from the project's defaults.
        is_full_refresh: whether incremental models are built from nothing.
        has_new_rules: whether the rules, and what is made of them alone, may have changed.
    """
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if not has_new_rules:
        # Cautious: a test of another table that looks at a rule as well is not left out.
        arguments += ["--exclude", f"tag:{RULES_TAG}", "--indirect-selection", "cautious"]
    if variables:
        arguments += ["--vars", json.dumps(variables, sort_keys=True)]
    if is_full_refresh:
        arguments.append("--full-refresh")
    return arguments


def server_environment(thrift_port: int) -> dict[str, str]:
    """Give the variables by which dbt finds the server, and knows what code it runs.

    Args:
        thrift_port: the Thrift door on 127.0.0.1.
    """
    return {
        "ATTRIBUTION_DBT_HOST": "127.0.0.1",
        "ATTRIBUTION_DBT_PORT": str(thrift_port),
        "ATTRIBUTION_CODE_VERSION": code_version(),
    }


def project_checksum(project_dir: Path = DBT_PROJECT_DIR) -> str:
    """Digest every file that can change what dbt builds: SQL, YAML, seeds, macros.

    Args:
        project_dir: the folder of ``dbt_project.yml``.

    Returns:
        A sha256 in hexadecimal; names and contents count, times do not.
    """
    return _digest(project_dir, _PROJECT_FOLDERS)


def code_version(project_dir: Path = DBT_PROJECT_DIR) -> str:
    """Digest the models and macros: a table built by others cannot be continued, only made anew.

    Seeds and variables are not code: the build itself tells which tables their changes concern.

    Args:
        project_dir: the folder of ``dbt_project.yml``.

    Returns:
        Twelve hexadecimal digits of a sha256 of names and contents.
    """
    return _digest(project_dir, ("models", "macros"), with_settings=False)[:12]


def _digest(project_dir: Path, folders: Sequence[str], with_settings: bool = True) -> str:
    digest = hashlib.sha256()
    for path in _project_files(project_dir, folders, with_settings):
        if not with_settings and path.suffix != ".sql":
            # Descriptions and tests decide nothing that is in a table.
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project_dir)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def run_target_dir(settings: Settings) -> Path:
    """Give the folder of the last run's artifacts, apart from the manifest that Dagster reads.

    Args:
        settings: whose home.
    """
    return settings.dbt_target_dir / "run"


@dataclass(frozen=True)
class Manifest:
    """dbt's manifest and what it was parsed from.

    Attributes:
        path: of the JSON file.
        project_checksum: of the project's files, as ``project_checksum`` gives it.
    """

    path: Path
    project_checksum: str


def prepare_manifest(settings: Settings, progress: Progress) -> Manifest:
    """Have dbt parse the project, unless the manifest at hand is of just these files.

    Needs neither a server nor a network.

    Args:
        settings: whose home.
        progress: told when dbt has to parse.

    Raises:
        RunFailedError: dbt refuses the project.
    """
    path = settings.dbt_target_dir / "manifest.json"
    stamp = settings.dbt_target_dir / "manifest.checksum"
    checksum = project_checksum()
    if path.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == checksum:
        return Manifest(path, checksum)
    progress("parsing the dbt project")
    settings.dbt_target_dir.mkdir(parents=True, exist_ok=True)
    _parse(settings)
    stamp.write_text(checksum, encoding="utf-8")
    return Manifest(path, checksum)


def run_without_server(arguments: Sequence[str], target_dir: Path, logs_dir: Path) -> None:
    """Run a command of dbt's that reads the project and connects to nothing.

    Args:
        arguments: of dbt.
        target_dir: where its artifacts go.
        logs_dir: where its log goes.

    Raises:
        RunFailedError: dbt refuses the project.
    """
    completed = subprocess.run(
        [executable(), "--no-use-colors", *arguments, "--project-dir", str(DBT_PROJECT_DIR)],
        cwd=DBT_PROJECT_DIR,
        env={
            **os.environ,
            # The profile only has to be complete.
            **server_environment(10000),
            "DBT_PROFILES_DIR": str(DBT_PROJECT_DIR),
            "DBT_TARGET_PATH": str(target_dir),
            "DBT_LOG_PATH": str(logs_dir),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        timeout=_PARSE_TIMEOUT_SECONDS,
        check=False,
    )
    if completed.returncode != 0:
        reason = " ".join((completed.stdout + completed.stderr).split())[-600:]
        raise RunFailedError(f"dbt cannot {arguments[0]} {DBT_PROJECT_DIR}: {reason}")


def failures(run_results: Path) -> list[str]:
    """Name what failed in dbt's last run, and why.

    Args:
        run_results: dbt's ``run_results.json``.

    Returns:
        One line each; empty when dbt did not get as far as writing results.
    """
    try:
        results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    except FileNotFoundError:
        return []
    return [
        f"{result['unique_id'].split('.')[2]}: {_meaning(str(result['message']))}"
        for result in results
        if result["status"] in ("error", "fail", "runtime error")
    ]


def failed_build_message(named: Sequence[str]) -> str:
    """Say in one line what ended dbt's run, and what to do when it was not dbt's fault.

    Args:
        named: its failures, as ``failures`` gave them; at least one.
    """
    cut_off = [line.partition(":")[0] for line in named if is_gone(line)]
    if not cut_off:
        return f"dbt: {'; '.join(named)}"
    more = f" and {len(cut_off) - _NAMED_NODES} more" if len(cut_off) > _NAMED_NODES else ""
    at = f"{', '.join(cut_off[:_NAMED_NODES])}{more}"
    return (
        f"the Spark server went away while dbt was at {at}; look at its log under"
        " logs/ of ATTRIBUTION_HOME, then run again: nothing is lost, the next run goes on"
    )


def failed_test_message(node: Mapping[str, Any], failed_count: object, target: Path) -> str:
    """Say what a dbt test observed, what it expected, and where to look.

    Args:
        node: the test in the manifest.
        failed_count: how many rows it gave; ``None`` or 0 when it could not be run: a test that
            the lost server cut off counts none.
        target: dbt's folder of the run.
    """
    compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
    if "test_metadata" in node:
        # The file is the YAML that declares it.
        compiled = compiled / node["path"]
    observed = f"observed {failed_count} rows" if failed_count else NOT_RUN
    path = shlex.quote(str(compiled))
    return f'{observed}, expected none\nlook at it with: attribution query "$(cat {path})"'


def _meaning(message: str) -> str:
    return damage(message) or _without_trace(message)


def _without_trace(message: str) -> str:
    """Keep what a user can act on: not the server's stack, nor the plan that Spark appends."""
    text = " ".join(message.split())
    text = re.sub(r"^.*HiveSQLException: Error running query: (\[\w+\] )?", r"\1", text)
    text = re.sub(r" at (org|java|scala|jdk|io)\..*$", "", text)
    return re.sub(r"; '[A-Z]\w+ .*$", "", text)[:600]


def _inline_or_file(text: str) -> str:
    # A mapping has a colon or a brace; only what has neither, or exists, is taken for a path.
    path = Path(text).expanduser()
    try:
        is_file = path.is_file()
    except OSError:
        # A long mapping is no valid file name.
        is_file = False
    if is_file:
        return path.read_text(encoding="utf-8")
    if text.strip() and not set(text) & set("{:"):
        raise UserError(f"--vars {text!r}: there is no such file")
    return text


def _check_variable(name: object, value: object, declared: Mapping[str, Any]) -> None:
    if name not in declared:
        raise UserError(f"--vars: there is no variable {name!r}; known: {', '.join(declared)}")
    default = declared[str(name)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, float) and is_number:
        return
    if type(value) is not type(default):
        wanted = {int: "a whole number", float: "a number", str: "a text"}.get(
            type(default), f"a {type(default).__name__}"
        )
        raise UserError(f"--vars: {name} must be {wanted}, like {default!r}, not {value!r}")
    if is_number and isinstance(value, int) and value < 0:
        raise UserError(f"--vars: {name} must not be negative, but is {value}")


def _project_files(
    project_dir: Path, folders: Sequence[str], with_settings: bool
) -> Iterator[Path]:
    settings = project_dir.glob("*.yml") if with_settings else ()
    roots = [*settings, *(project_dir / name for name in folders)]
    for root in sorted(roots):
        if root.is_file():
            yield root
        yield from sorted(path for path in root.rglob("*") if path.is_file())


def _parse(settings: Settings) -> None:
    run_without_server(["parse"], settings.dbt_target_dir, settings.logs_dir)
