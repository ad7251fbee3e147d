"""The wheel and the source archive: built here, and the wheel run from an empty environment without network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Run at the start of every interpreter of the new environment.
NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise OSError("this environment has no network")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def run(*command: object, cwd: Path) -> str:
    """Standard output of a command that must succeed; it knows neither this user's home nor settings of vostool."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VOSTOOL_", "XDG_", "PYTHON"))}
    arguments = [str(part) for part in command]
    environment = {**own, "HOME": str(cwd)}
    outcome = subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def build(target: str, repository: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder, cwd=repository)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of an environment that holds the wheel alone, and sees this one's dependencies but not its vostool.

    Installing the dependencies anew would take minutes and a network. A .pth file shows them instead: the .pth of an
    editable vostool that may lie among them is not followed, since only an environment's own folder has its .pth read.
    """
    root = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", root, cwd=root)
    interpreter = root / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", interpreter]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=root)
    packages = Path(run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=root).strip())
    packages.joinpath("no_network.py").write_text(NO_NETWORK)
    packages.joinpath("dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport no_network\n")
    return interpreter


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three frames on which a bright square moves, and the mask of the first."""
    folder = tmp_path / "clip"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 80, (96, 128, 3), dtype=np.uint8)
    for index in range(3):
        image = noise.copy()
        image[30:62, 20 + 6 * index : 52 + 6 * index] = (240, 180, 60)
        Image.fromarray(image).save(folder / f"{index:05d}.png")
    mask = np.zeros((96, 128), dtype=np.uint8)
    mask[30:62, 20:52] = 1
    Image.fromarray(mask).save(tmp_path / "first.png")
    return folder


def test_wheel_holds_the_package_and_its_weights(wheel: Path, repository: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(repository).as_posix() for path in repository.glob("vostool/**/*.py")}
    shipped = {path.name for path in (repository / "weights").glob("*.safetensors")}
    assert modules | {"vostool/py.typed"} <= names
    assert {f"vostool/weights/files/{name}" for name in shipped} <= names
    folders = {name.split("/")[0] for name in names}
    assert {folder.split("-")[0] for folder in folders} == {"vostool"}
    assert sorted(folder.rpartition(".")[2] for folder in folders) == ["dist-info", "vostool"]


def test_source_archive_holds_no_results(repository: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", repository, tmp_path)) as archive:
        paths = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "vostool/__init__.py", "tests/conftest.py"} <= paths
    assert not {path.split("/")[0] for path in paths} & {"demo", "runs", "shared", "data", ".venv", "dist"}
    assert not [path for path in paths if path.endswith((".mp4", ".mov", ".pyc", ".pth"))]


def test_empty_environment_runs_the_wheel(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import vostool; print(vostool.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(python.parent.parent)
    version = run(python.with_name("vostool"), "--version", cwd=tmp_path)
    assert run(python, "-c", "import vostool; print(vostool.__version__)", cwd=tmp_path).strip() in version


def test_empty_environment_finds_its_weights(python: Path, clip: Path, tmp_path: Path) -> None:
    """The default weights come out of the wheel: not from the checkout, not from the network."""
    command = ["segment", clip, "--mask", "first.png", "-o", "masks", "--device", "cpu", "--json"]
    report = json.loads(run(python.with_name("vostool"), *command, cwd=tmp_path))
    assert report
    assert [path.name for path in sorted(tmp_path.glob("masks/*.png"))] == ["00000.png", "00001.png", "00002.png"]


def test_environment_has_no_network(python: Path, tmp_path: Path) -> None:
    script = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9))\nexcept OSError as e:\n    print(e)"
    assert "no network" in run(python, "-c", script, cwd=tmp_path)
