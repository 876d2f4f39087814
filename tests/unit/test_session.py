"""What every session on a home's server is given."""

from types import SimpleNamespace

from dagster_code.lib.session import set_up


def test_a_server_that_is_gone_is_given_up_within_half_a_minute():
    policies, settings = [], {}
    session = SimpleNamespace(
        client=SimpleNamespace(set_retry_policies=policies.extend),
        conf=SimpleNamespace(set=settings.__setitem__),
    )
    set_up(session)
    assert settings == {"spark.sql.session.timeZone": "UTC"}
    (policy,) = policies
    state, waits = policy.to_state(), []
    while (wait := state.next_attempt()) is not None:
        waits.append(wait)
    assert 10_000 < sum(waits) < 30_000
