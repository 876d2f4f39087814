"""`attribution dev`: on this machine only, whatever the environment wants."""

import os

import click
import pytest
from dagster._cli.dev import dev_command
from dagster._core.instance.ref import InstanceRef
from dagster_shared.serdes import serialize_value
from dagster_webserver.cli import dagster_webserver

from dagster_code.lib import dev_server, server
from dagster_code.lib.dagster_home import prepare_dagster_home
from dagster_code.lib.settings import load_settings

EVERYWHERE = {"DAGSTER_CLI_DEV_HOST": "0.0.0.0", "DAGSTER_WEBSERVER_HOST": "0.0.0.0"}


class BecameError(Exception):
    """In the place of another program."""


@pytest.fixture
def became(monkeypatch, tmp_path):
    """The arguments and the environment that `attribution dev` gives to Dagster."""
    monkeypatch.chdir(tmp_path)
    for name, value in EVERYWHERE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(server, "ensure_running", lambda *_: None)
    told = []

    def execve(_program, arguments, environment):
        told.append((arguments, environment))
        raise BecameError

    monkeypatch.setattr(os, "execve", execve)
    settings = load_settings({"ATTRIBUTION_HOME": str(tmp_path / "home")})
    with pytest.raises(BecameError):
        dev_server.exec_dagster_dev(settings, None, lambda _line: None)
    return told[0]


def read_by(command: click.Command, prefix: str, arguments: list[str]) -> dict[str, object]:
    """What Dagster's own command makes of arguments and environment."""
    return command.make_context(prefix, arguments, auto_envvar_prefix=prefix).params


def test_the_environment_would_open_dagster_s_own_commands(became):
    # else the next test asked for nothing
    assert read_by(dev_command, "DAGSTER_CLI_DEV", [])["host"] == "0.0.0.0"
    assert read_by(dagster_webserver, "DAGSTER_WEBSERVER", [])["host"] == "0.0.0.0"


def test_the_webserver_listens_on_loopback_whatever_the_environment_says(became):
    arguments, environment = became
    assert arguments[1:4] == ["-m", "dagster", "dev"]
    assert environment.items() >= EVERYWHERE.items()
    wanted = read_by(dev_command, "DAGSTER_CLI_DEV", arguments[4:])
    assert wanted["host"] == "127.0.0.1"
    # as `dagster dev` hands it on
    handed_on = ["--host", str(wanted["host"])]
    assert read_by(dagster_webserver, "DAGSTER_WEBSERVER", handed_on)["host"] == "127.0.0.1"


def test_the_database_s_password_is_in_no_command_line_and_no_file(tmp_path, monkeypatch):
    url = "postgresql://dagster:s3cret@db:5432/dagster"
    monkeypatch.setenv("ATTRIBUTION_DAGSTER_DATABASE_URL", url)
    home = prepare_dagster_home(
        load_settings({"ATTRIBUTION_HOME": str(tmp_path), "ATTRIBUTION_DAGSTER_DATABASE_URL": url})
    )
    # Dagster hands this to its children as an argument
    handed_on = serialize_value(InstanceRef.from_dir(str(home)))
    assert "ATTRIBUTION_DAGSTER_DATABASE_URL" in handed_on
    assert "s3cret" not in handed_on
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"s3cret" in path.read_bytes()] == []
