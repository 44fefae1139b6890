"""What an installed copy holds, and how light it is to import."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Folders at the top level, and the package each is imported as.
TOP_LEVEL = {
    "client/src/hamster_bench/client": "hamster_bench.client",
    "hamster_bench": "hamster_bench",
    "baselines": "hamster_bench.baselines",
    "envs": "hamster_bench.envs",
    "leaderboards": "hamster_bench.leaderboards",
}
IGNORED_SUFFIXES = {".pyc", ".pyo"}
HEAVY = ("mujoco", "torch", "transformers", "pandas", "matplotlib", "trimesh", "gymnasium_robotics", "imageio", "OpenGL", "PIL")


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def output_of(command: list[str], cwd: Path) -> str:
    result = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def package_files(root: Path) -> set[str]:
    """Every file of the packages below ``root``, by its path in an installed copy."""
    found = set()
    for folder, package in TOP_LEVEL.items():
        for directory, subdirectories, names in os.walk(root / folder):
            subdirectories[:] = [name for name in subdirectories if name != "__pycache__"]
            inside = Path(*package.split("."), Path(directory).relative_to(root / folder))
            found |= {str(inside / name) for name in names if Path(name).suffix not in IGNORED_SUFFIXES}
    return found


def packaged_files(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_every_package_on_disk_is_listed(setup_cfg: configparser.ConfigParser) -> None:
    on_disk = {str(Path(name).parent).replace("/", ".") for name in package_files(ROOT) if name.endswith(".py")}
    listed = lines(setup_cfg["options"]["packages"])
    assert sorted(listed) == sorted(on_disk), "setup.cfg, section [options], key packages"


def test_every_folder_with_code_is_a_package() -> None:
    files = package_files(ROOT)
    folders = {str(Path(name).parent) for name in files if name.endswith(".py")}
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in files] == []


def test_the_package_map_and_the_links_show_the_same_tree(setup_cfg: configparser.ConfigParser) -> None:
    mapped = dict(tuple(part.strip() for part in line.split("=")) for line in lines(setup_cfg["options"]["package_dir"]))
    assert mapped == {package: folder for folder, package in TOP_LEVEL.items()}
    for folder, package in TOP_LEVEL.items():
        if package != folder:
            link = ROOT / package.replace(".", "/")
            assert link.resolve() == ROOT / folder, f"{link.name} should be a link to ../{folder}"


def test_the_constraints_pin_every_direct_dependency(setup_cfg: configparser.ConfigParser) -> None:
    asked = lines(setup_cfg["options"]["install_requires"])
    for extra in setup_cfg["options.extras_require"].values():
        asked += lines(extra)
    names = {normalised(re.split(r"[ <>=~!;\[]", requirement)[0]) for requirement in asked}
    pinned = lines((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in pinned)
    assert names - {normalised(line.split("==")[0]) for line in pinned} == set()


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_importing_the_package_is_light() -> None:
    program = (
        "import sys, hamster_bench, hamster_bench.scenario, hamster_bench.agent, hamster_bench.cli.main\n"
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    assert output_of([sys.executable, "-c", program], ROOT).split() == []


def test_importing_the_package_registers_the_environments() -> None:
    program = (
        "import gymnasium, hamster_bench; print(*(name for name in gymnasium.registry if name.startswith('hamster_bench/')))"
    )
    tasks = {path.parent.name for path in (ROOT / "envs" / "tasks").glob("*/task.py")}
    assert set(output_of([sys.executable, "-c", program], ROOT).split()) == {f"hamster_bench/{task}-v0" for task in tasks}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked tree, so that building leaves nothing behind in the checkout."""
    copy = tmp_path_factory.mktemp("source")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if names.returncode != 0:
        pytest.skip("not a git checkout: what belongs to the source tree is not known")
    for name in filter(None, names.stdout.split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
    return copy


def copied(source: Path, directory: Path) -> Path:
    return Path(shutil.copytree(source, directory / "tree", symlinks=True))


def pip_wheel(source: Path, out: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(out),
        str(source),
    ]
    output_of(command, out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_the_wheel_holds_every_file(source: Path, tmp_path: Path, links: bool) -> None:
    tree = copied(source, tmp_path)
    if not links:
        for folder in set(TOP_LEVEL) - {"hamster_bench"}:
            (tree / "hamster_bench" / Path(folder).name).unlink()
    assert packaged_files(pip_wheel(tree, tmp_path)) == package_files(source)


@pytest.mark.slow
def test_a_wheel_made_from_the_source_distribution_is_the_same(source: Path, tmp_path: Path) -> None:
    program = "import sys, setuptools.build_meta as backend; backend.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", program, str(tmp_path)]
    output_of(command, copied(source, tmp_path))
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for name in (
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "constraints.txt",
        "Makefile",
        "scripts/setup.sh",
        "tests/test_packaging.py",
    ):
        assert (unpacked / name).is_file(), f"{name} is missing: see MANIFEST.in"
    assert packaged_files(pip_wheel(unpacked, tmp_path)) == package_files(source)
