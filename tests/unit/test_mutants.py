"""The deliberate mistakes of tests/mutations: each still has its place in the project's text."""

from pathlib import Path

import pytest

from dagster_code.lib.settings import DBT_PROJECT_DIR
from tests.mutations.mutants import MUTANTS, Mutant, MutantNotFoundError

MUTANT = Mutant("m", "a mistake", "a.sql", "<=", "<")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_every_mistake_has_its_place_in_the_text(mutant: Mutant, tmp_path: Path) -> None:
    copy = mutant.project_with(DBT_PROJECT_DIR, tmp_path)
    text = (DBT_PROJECT_DIR / mutant.path).read_text(encoding="utf-8")
    assert (copy / mutant.path).read_text(encoding="utf-8") != text
    others = {path.relative_to(copy) for path in copy.rglob("*.sql")} - {Path(mutant.path)}
    assert all((copy / one).read_bytes() == (DBT_PROJECT_DIR / one).read_bytes() for one in others)


@pytest.mark.parametrize("text", ["a < b", "a <= b and b <= c", ""])
def test_a_mistake_without_its_one_place_is_an_error(text: str) -> None:
    with pytest.raises(MutantNotFoundError, match=r"m: a\.sql has [02] times, not 1, the text"):
        MUTANT.mutated(text)


def test_a_mistake_in_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(MutantNotFoundError, match=r"m: there is no file a\.sql"):
        MUTANT.project_with(tmp_path / "project", tmp_path)
