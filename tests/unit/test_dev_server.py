"""`attribution dev`: the UI is on this machine alone."""

import itertools
import os
import sys

import pytest

from dagster_code.lib import dev_server
from dagster_code.lib.settings import load_settings


class ReplacedError(Exception):
    """The process became another one."""


@pytest.fixture
def replaced(monkeypatch, tmp_path):
    """What the process would become: its words and its environment."""
    became = {}

    def execve(program, words, environment):
        became.update(program=program, words=words, environment=environment)
        raise ReplacedError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(dev_server.server, "ensure_running", lambda *_: None)
    return became


def test_the_ui_listens_on_the_loopback_address_whatever_the_environment_says(
    replaced, tmp_path, monkeypatch
):
    for name in ("DAGSTER_WEBSERVER_HOST", "DAGSTER_DEV_HOST", "HOST", "ATTRIBUTION_BIND_ADDRESS"):
        monkeypatch.setenv(name, "0.0.0.0")
    settings = load_settings({"ATTRIBUTION_HOME": str(tmp_path / "home")})
    with pytest.raises(ReplacedError):
        dev_server.exec_dagster_dev(settings, None, lambda _line: None)
    words = replaced["words"]
    assert replaced["program"] == sys.executable
    assert words[1:4] == ["-m", "dagster", "dev"]
    # the last one counts
    assert [after for word, after in itertools.pairwise(words) if word == "-h"] == ["127.0.0.1"]
    assert "0.0.0.0" not in words
