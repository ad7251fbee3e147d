"""The shape of the package: import layers, one place that prints, light start, small files, docstrings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "vostool"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# A layer may import the layers below it; members of one layer do not know each other.
LAYERS = (
    {"cli"},
    {"pipelines"},
    {"training"},
    {"systems"},
    {"propagation", "datasets"},
    {"memory", "models", "video", "weights", "metrics"},
    {"types", "errors"},
)
RANKS = {member: rank for rank, members in enumerate(LAYERS) for member in members}
# The front doors name everything else; importing a name from `vostool` itself loads nothing more.
FRONT_DOORS = {"vostool", "vostool.__main__"}
MAX_LINES = 300
HEAVY = ("torch", "av", "cv2")


@cache
def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def package_of(module: str) -> str:
    """What a relative import starts from."""
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


def imported_names(package: str, tree: ast.AST) -> Iterator[str]:
    """Dotted names that a tree in the package imports, those of `from` imports with the imported name at the end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def as_module(name: str) -> str | None:
    """The module of vostool that a dotted name lies in, or None."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def own_imports(module: str) -> set[str]:
    names = imported_names(package_of(module), parse(module))
    return {found for name in names if (found := as_module(name))} - {module}


def member(module: str) -> str:
    """Package or top-level module below `vostool`."""
    return module.split(".")[1]


def may_import(importer: str, imported: str) -> bool:
    if importer in FRONT_DOORS or imported == "vostool":
        return True
    same = member(importer) == member(imported)
    return same or RANKS[member(importer)] < RANKS[member(imported)]


def called_name(node: ast.Call) -> str:
    return ast.unparse(node.func)


def is_public(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.ClassDef]:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def owing(tree: ast.Module) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]]:
    """The public things that owe a docstring: the module, its classes and functions, the classes' methods."""
    yield "module", tree
    for node in filter(is_public, tree.body):
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            exempt = inherited_docstrings(node)
            yield from ((f"{node.name}.{item.name}", item) for item in methods(node) if item.name not in exempt)


def methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    """The public methods, without the second halves of properties and overloads."""
    found = [item for item in node.body if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")]
    halves = (".setter", "overload")
    return [item for item in found if not any(ast.unparse(mark).endswith(halves) for mark in item.decorator_list)]


def inherited_docstrings(node: ast.ClassDef) -> set[str]:
    """Names of methods that a base class in the package documents, and forward, which a torch module's class tells."""
    bases = {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases}
    classes = [item for module in MODULES for item in parse(module).body if isinstance(item, ast.ClassDef)]
    inherited = (item for base in classes if base.name in bases for item in methods(base))
    return {"forward"} | {item.name for item in inherited if ast.get_docstring(item)}


def test_every_module_has_a_layer() -> None:
    assert {member(module) for module in MODULES if module not in FRONT_DOORS} <= set(RANKS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_the_layers(module: str) -> None:
    wrong = {imported for imported in own_imports(module) if not may_import(module, imported)}
    assert not wrong, f"{module} must not import {sorted(wrong)}"


def test_there_is_no_ring() -> None:
    waiting = {module: own_imports(module) - FRONT_DOORS for module in MODULES if module not in FRONT_DOORS}
    while free := {module for module, imports in waiting.items() if not imports & waiting.keys()}:
        waiting = {module: imports for module, imports in waiting.items() if module not in free}
    assert not waiting, f"a ring of imports lies in {sorted(waiting)}"


@pytest.mark.parametrize("module", MODULES)
def test_pyav_stays_in_video(module: str) -> None:
    imports = {name.partition(".")[0] for name in imported_names(package_of(module), parse(module))}
    assert "av" not in imports or module.startswith("vostool.video.")


@pytest.mark.parametrize("module", MODULES)
def test_only_the_console_prints(module: str) -> None:
    if module == "vostool.cli.console":
        return
    calls = {called_name(node) for node in ast.walk(parse(module)) if isinstance(node, ast.Call)}
    printing = {name for name in calls if name.split(".")[-1] in {"print", "echo", "secho"}}
    assert not printing | calls & {"sys.stdout.write", "sys.stderr.write"}


@pytest.mark.parametrize("module", MODULES)
def test_files_are_small(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES)
def test_public_things_have_docstrings(module: str) -> None:
    missing = [name for name, node in owing(parse(module)) if not ast.get_docstring(node)]
    assert not missing


@pytest.mark.parametrize("module", ["vostool.pipelines.train", "vostool.pipelines.compare"])
def test_training_and_scoring_need_no_pyav(module: str) -> None:
    """Machines that train have frames in folders, and often no PyAV."""
    script = f"import sys; sys.modules['av'] = None; import {module}"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(
    "statement",
    ["import vostool", "import vostool.cli.app", "run('--help')", "run('--version')", "run('segment', '--help')"],
)
def test_light_start(statement: str, tmp_path: Path) -> None:
    """Asking for help must not cost the seconds that torch takes to load."""
    script = tmp_path / "start.py"
    script.write_text(
        "import sys\n"
        "def run(*arguments):\n"
        "    from vostool.__main__ import main\n"
        "    sys.argv = ['vostool', *arguments]\n"
        "    try:\n"
        "        code = main()\n"
        "    except SystemExit as stop:\n"
        "        code = stop.code\n"
        "    assert code in (None, 0), code\n"
        f"sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
        f"{statement}\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    outcome = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[-1] == "loaded:"


def test_the_rules_can_fail() -> None:
    """The checkers see what they are meant to see."""
    assert not may_import("vostool.memory.bank", "vostool.models.stm")
    assert not may_import("vostool.video.reader", "vostool.cli.app")
    assert not may_import("vostool.types", "vostool.errors")
    assert may_import("vostool.cli.app", "vostool.errors")
    tree = ast.parse("from .reader import x\nfrom . import images\nimport av.error\nfrom ..errors import E")
    found = set(imported_names("vostool.video", tree))
    assert found == {"vostool.video.reader.x", "vostool.video.images", "av.error", "vostool.errors.E"}
    assert as_module("vostool.errors.VideoError") == "vostool.errors"
