"""Every public function of exposure science shows a worked example, and every example is true."""

import doctest
import inspect
import pkgutil
from importlib import import_module
from types import FunctionType, ModuleType

import pytest

import osh_domain
from osh_domain import exposure

# Advice and projections show their examples in their own tests.
ELSEWHERE = {"work_rest", "projection"}
MODULES = [
    *(f"osh_domain.exposure.{one.name}" for one in pkgutil.iter_modules(exposure.__path__)),
    *(
        f"osh_domain.{one.name}"
        for one in pkgutil.iter_modules(osh_domain.__path__)
        if one.name.startswith("quality_")
    ),
]
METHODS = [name for name in MODULES if name.rsplit(".", 1)[1] not in ELSEWHERE]


def public_functions(module: ModuleType) -> list[tuple[str, FunctionType]]:
    return [
        (name, inspect.unwrap(found))
        for name, found in vars(module).items()
        if not name.startswith("_") and inspect.isfunction(inspect.unwrap(found))
        and inspect.unwrap(found).__module__ == module.__name__
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_method_are_true(name: str) -> None:
    found = doctest.testmod(import_module(name))
    assert found.failed == 0


@pytest.mark.parametrize("name", METHODS)
def test_every_public_function_of_a_method_has_an_example(name: str) -> None:
    lacking = [key for key, one in public_functions(import_module(name)) if ">>> " not in (one.__doc__ or "")]
    assert lacking == []


def test_the_search_for_examples_finds_functions() -> None:
    assert len([one for name in METHODS for one in public_functions(import_module(name))]) > 70
