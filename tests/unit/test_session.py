"""What every session on a home's server is given."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from dagster_code.lib import session
from dagster_code.lib.connect_token import made_token
from dagster_code.lib.dev_server import free_port
from dagster_code.lib.session import open_session, set_up
from dagster_code.lib.settings import load_settings


def test_a_server_that_is_gone_is_given_up_within_half_a_minute():
    policies, settings = [], {}
    fake = SimpleNamespace(
        client=SimpleNamespace(set_retry_policies=policies.extend),
        conf=SimpleNamespace(set=settings.__setitem__),
    )
    set_up(fake)
    assert settings == {"spark.sql.session.timeZone": "UTC"}
    (policy,) = policies
    state, waits = policy.to_state(), []
    while (wait := state.next_attempt()) is not None:
        waits.append(wait)
    assert 10_000 < sum(waits) < 30_000


def test_a_session_whose_server_is_gone_is_nobody_s_active_session(tmp_path, monkeypatch):
    settings = load_settings({"ATTRIBUTION_HOME": str(tmp_path)})
    made_token(settings)
    monkeypatch.setattr(session, "_MOST_RETRIES", 0)

    def active_after_the_failure():
        with pytest.raises(PySparkException):
            open_session(settings, free_port(None))
        return SparkSession.getActiveSession()

    # in a thread of its own: this one's active session may be another test's
    with ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(active_after_the_failure).result() is None
