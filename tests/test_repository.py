"""The repository itself: it builds anywhere, from the versions it says, and names no machine."""

import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import orderwright

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REGISTRY_ADDRESS = re.compile(
    r"""index(-url|_url)?["']?[ =:]+["']?https?://"""
    r"""|"resolved": *"http|registry *= *"http"""
    r"""|(pypi\.org|pythonhosted\.org)/(simple|packages)""",
)


@pytest.fixture(scope="module")
def committed() -> list[tuple[str, str]]:
    """(path, text) of every text file that is committed, or would be by `git add .`."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files are committed cannot be told")
    listing = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    files = [(name, (ROOT / name).read_bytes()) for name in names if name and (ROOT / name).is_file()]
    return [(name, body.decode(errors="replace")) for name, body in files if b"\0" not in body]


def lines_with(files: list[tuple[str, str]], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def direct_requirements() -> list[Requirement]:
    project = PROJECT["project"]
    texts = PROJECT["build-system"]["requires"] + project["dependencies"]
    for extra in project["optional-dependencies"].values():
        texts += extra
    found = [Requirement(text) for text in texts]
    return [requirement for requirement in found if requirement.name != project["name"]]  # an extra may name another


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_no_committed_file_contains_a_machine_path(committed: list[tuple[str, str]]) -> None:
    # A clone directly in the root or the temporary folder has a parent that any text may name.
    common = {Path(ROOT.anchor), Path(tempfile.gettempdir()).resolve()}
    folders = {ROOT, ROOT.parent} - common
    machine_path = re.compile("|".join(re.escape(f"{folder}/") for folder in sorted(folders)))

    assert lines_with(committed, machine_path) == []


def test_no_committed_file_contains_a_package_registry_address(committed: list[tuple[str, str]]) -> None:
    assert lines_with(committed, REGISTRY_ADDRESS) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url " + "https://example.org/simple",
        "extra-index-url = " + "http://example.org/simple",
        'registry = "' + 'https://example.org/simple"',
        "wheel from https://files.pythonhosted." + "org/packages/ab/cd.whl",
    ],
)
def test_a_package_registry_address_is_recognised(line: str) -> None:
    assert REGISTRY_ADDRESS.search(line)


def test_constraints_pin_every_dependency_that_pyproject_names() -> None:
    pinned = {canonicalize_name(pin.name) for pin in pins()}

    assert [str(wanted) for wanted in direct_requirements() if canonicalize_name(wanted.name) not in pinned] == []


def test_every_constraint_is_one_exact_version_that_pyproject_accepts() -> None:
    wanted = {canonicalize_name(requirement.name): requirement.specifier for requirement in direct_requirements()}
    for pin in pins():
        (exact,) = pin.specifier
        assert exact.operator == "==", str(pin)
        assert "*" not in exact.version, str(pin)
        assert canonicalize_name(pin.name) not in wanted or wanted[canonicalize_name(pin.name)].contains(exact.version)


def test_the_package_says_the_version_that_pyproject_says() -> None:
    assert orderwright.__version__ == PROJECT["project"]["version"]
