"""The token of Spark Connect: one a home, its owner's alone."""

import dataclasses
import stat

import pytest

from dagster_code.lib.connect_token import made_token, read_token, token_path
from dagster_code.lib.session import connect_url
from dagster_code.lib.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    own = dataclasses.replace(load_settings({}), home=tmp_path / "home")
    own.server_dir.mkdir(parents=True)
    return own


def test_a_home_s_token_is_made_once_and_only_its_owner_reads_it(settings):
    assert read_token(settings) == ""
    token = made_token(settings)
    assert len(token) >= 40
    assert made_token(settings) == read_token(settings) == token
    assert stat.S_IMODE(token_path(settings).stat().st_mode) == 0o600


def test_a_token_that_others_could_read_is_replaced(settings):
    token = made_token(settings)
    token_path(settings).chmod(0o644)
    assert made_token(settings) not in ("", token)
    assert stat.S_IMODE(token_path(settings).stat().st_mode) == 0o600


def test_an_address_that_is_shown_has_no_token():
    assert connect_url(15002) == "sc://localhost:15002/"
    assert connect_url(15002, "s3cret") == "sc://localhost:15002/;token=s3cret"
