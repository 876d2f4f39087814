"""What `attribution demo --generated` does before it runs: a shop's files, in a home of its own."""

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.schema import Kind
from dagster_code.lib.progress import Progress
from dagster_code.lib.session import spark_session, writing_home
from dagster_code.lib.settings import Settings
from dagster_code.lib.shop.journeys import Shop
from dagster_code.lib.shop.write import check_home, check_no_shop, write_shop

DEFAULT_SEED = 1


def checked_shop(settings: Settings, records: int | None, seed: int | None) -> Shop | None:
    """Take the values of ``--generated`` and ``--seed``.

    Args:
        settings: whose home.
        records: how many event records; ``None``: the sample is meant, no shop is to be generated.
        seed: ``None``: the usual one.

    Raises:
        UserError: there is a seed, but nothing to generate; or the home holds a generated shop.
    """
    if records is None:
        if seed is not None:
            raise UserError("--seed chooses among generated shops: give --generated N as well")
        check_no_shop(settings)
        return None
    return Shop(records, DEFAULT_SEED if seed is None else seed)


def generated_paths(
    settings: Settings, shop: Shop, progress: Progress
) -> dict[Kind, tuple[str, ...]]:
    """Generate a shop in a home that holds nothing else.

    Args:
        settings: whose home.
        shop: which one; nothing is done where its files are there.
        progress: told what is being done.

    Returns:
        What a run has to land.

    Raises:
        UserError: the home holds other data.
        ServerError: the server cannot be started, or went away.
    """
    with (
        writing_home(settings, progress, "attribution demo"),
        spark_session(settings, progress) as spark,
    ):
        check_home(spark, settings, shop)
        return write_shop(spark, settings, shop, progress)
