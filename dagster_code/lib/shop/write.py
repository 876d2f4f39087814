"""The files of a generated shop in a home that holds nothing else."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_code.lib.errors import UserError
from dagster_code.lib.landing.schema import KINDS, REGISTER_TABLE, Kind
from dagster_code.lib.progress import Progress
from dagster_code.lib.settings import Settings
from dagster_code.lib.shop.journeys import Shop, clients_sql, events_sql, spend_sql
from dagster_code.lib.terminal import printable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_STATEMENTS: Mapping[Kind, Callable[[Shop], str]] = {
    "events": events_sql,
    "clients": clients_sql,
    "spend": spend_sql,
}


def shop_folder(settings: Settings, shop: Shop) -> Path:
    """Say where a shop's files are.

    Args:
        settings: whose home.
        shop: which one.
    """
    return _shops(settings) / shop.name


def _shops(settings: Settings) -> Path:
    return settings.home / "generated"


def check_no_shop(settings: Settings) -> None:
    """Keep the sample of a real shop out of a home in which an invented one has been written.

    Args:
        settings: whose home.

    Raises:
        UserError: there is one; says how to give the sample a home of its own.
    """
    # a hidden one was cut off before anything of it landed
    shops = sorted(_shops(settings).glob("[!.]*"))
    if shops:
        raise UserError(
            f"{settings.home} holds invented events, {printable(shops[0].name)}: the sample does"
            " not belong beside them; give it a home of its own:"
            " ATTRIBUTION_HOME=~/sample attribution demo"
        )


def check_home(spark: "SparkSession", settings: Settings, shop: Shop) -> None:
    """Keep invented events out of a home in which something else has landed.

    Args:
        spark: session on the home's server.
        settings: whose home.
        shop: the one that may be there already.

    Raises:
        UserError: the home holds other data; says how to give the shop a home of its own.
    """
    if not spark.catalog.tableExists(REGISTER_TABLE):
        return
    from pyspark.sql import functions as F

    own = F.col("source_file").startswith(f"{shop_folder(settings, shop)}/")
    others = spark.table(REGISTER_TABLE).where(~own)
    found = others.agg(F.count(F.lit(1)), F.min("source_file")).first()
    if found is not None and found[0]:
        raise UserError(
            f"{settings.home} holds other data, like {printable(found[1])}: invented events do not"
            " belong beside it; give them a home of their own:"
            f" ATTRIBUTION_HOME=~/shop attribution demo --generated {shop.records}"
        )


def write_shop(
    spark: "SparkSession", settings: Settings, shop: Shop, progress: Progress
) -> dict[Kind, tuple[str, ...]]:
    """Write a shop's files, unless they are there: complete or not at all.

    Args:
        spark: session on the home's server, in UTC.
        settings: whose home.
        shop: which one.
        progress: told what is written.

    Returns:
        The folder of each kind, as a run takes them.
    """
    folder = shop_folder(settings, shop)
    if not folder.is_dir():
        progress(f"generating a shop of {shop.records:,} event records (seed {shop.seed})")
        # a hidden name: whatever is cut off here is looked at by nobody
        draft = folder.with_name(f".{folder.name}")
        shutil.rmtree(draft, ignore_errors=True)
        for kind, statement in _STATEMENTS.items():
            frame = spark.sql(statement(shop))
            if kind != "events":
                frame = frame.coalesce(1)
            frame.write.mode("overwrite").parquet(str(draft / kind))
        draft.rename(folder)
    return {kind: (str(folder / kind),) for kind in KINDS}
