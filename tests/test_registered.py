"""What is registered is what lies in the folders, what tests go through and what docs name."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from methods import test_oracle_counts, test_second_order_counts

import fastbilevel as fb
from fastbilevel import problems
from fastbilevel.problems import hard
from fastbilevel.problems.base import BilevelProblem

ROOT = Path(__file__).resolve().parents[1]
PAGES = [(ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/methods.md")]


def public_files(package):
    return {name for _, name, _ in pkgutil.iter_modules(package.__path__) if name[0] != "_"}


def test_a_method_has_one_name_in_its_string_its_file_and_its_class():
    assert {name.replace("-", "_") for name in fb.methods.NAMES} == public_files(fb.methods)
    for string, cls in fb.methods.METHODS.items():
        assert cls.name == string
        assert cls.__name__.lower() == string.replace("-", "")
        assert getattr(fb, cls.__name__) is cls


@pytest.mark.parametrize(("room", "package"), [(problems, "problems"), (hard, "problems.hard")])
def test_every_problem_is_registered(room, package):
    found = set()
    for name in public_files(room) - {"hard"}:
        module = importlib.import_module(f"fastbilevel.{package}.{name}")
        found |= {
            each.__name__
            for each in vars(module).values()
            if isinstance(each, type)
            and issubclass(each, BilevelProblem)
            and each is not BilevelProblem
            and each.__module__ == module.__name__
        }
    assert found == set(room.names())


def test_every_method_is_in_a_table_of_oracle_calls():
    first = {method for method, _, _ in test_oracle_counts.TABLE.values()}
    counted = first | set(test_second_order_counts.TABLE)
    # F2SA-p has its own, for every order, in `test_f2sa_p`.
    assert counted | {"f2sa-p"} == set(fb.methods.list())


def test_the_readme_and_the_page_of_methods_name_all_methods_and_problems():
    names = [f'| `"{method}"` |' for method in fb.methods.NAMES]
    names += [f"`fb.{cls}`" for cls in fb.methods.NAMES.values()]
    names += [f"`fb.problems.{name}`" for name in problems.names()]
    names += [f"`{name}`" for name in hard.names()]
    assert [name for name in names if name not in "".join(PAGES)] == []
