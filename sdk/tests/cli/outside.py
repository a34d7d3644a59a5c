"""A Python environment as a vendor's developer has it: outside of this repository, with the same packages, and Kobling
from a wheel that is built here, or from the tree. Needs no network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
NEEDED = ("kobling[cli,contract,new]", "mypy", "ruff", "hatchling", "editables")
"""What somebody installs who begins, with what the project asks for; the last two build the project."""


@dataclass(frozen=True)
class Environment:
    """The environment in `folder`; commands run in it as in an activated one."""

    folder: Path

    def run(self, command: str, cwd: Path, *, code: int = 0) -> str:
        """What a shell command prints; its exit code must be `code`."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PIP_", "PYTHON"))
        }
        env = {
            **inherited,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as "no isolation"
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            command, shell=True, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        told = done.stdout + done.stderr
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{told}"
        return told


def with_a_wheel(folder: Path) -> Environment:
    """An environment in which Kobling is a wheel, built from this tree and installed; nothing of the tree is seen."""
    made = _made(folder)
    wheels = folder / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = wheels.glob("kobling-*.whl")
    made.run(f"python -m pip install --quiet --no-deps {wheel}", folder)
    return made


def take_the_tree(environment: Environment) -> None:
    """From now on Kobling is this tree."""
    environment.run(f"python -m pip install --quiet --no-deps --editable {ROOT}", environment.folder)


def _made(folder: Path) -> Environment:
    """A new environment that has what is needed beside Kobling and nothing else, by links to this one's; pip comes from
    the interpreter below."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    for found in _distributions():
        if found.name != "kobling":
            for name in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
                (site / name).symlink_to(Path(str(found.locate_file(name))))
    below = getattr(sys, "_base_executable", sys.executable)
    asked = subprocess.run(
        [below, "-c", "import pip; print(pip.__path__[0])"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, f"{below} has no pip, which setting up this repository needs too"
    (site / "pip").symlink_to(asked.stdout.strip())
    (folder / "bin" / "ruff").symlink_to(Path(sysconfig.get_path("scripts")) / "ruff")  # a program, and no Python
    return Environment(folder)


def _distributions() -> list[Distribution]:
    """What is needed, and what that needs in turn."""
    waiting = [Requirement(one) for one in NEEDED]
    found: dict[tuple[str, str], Distribution] = {}
    while waiting:
        needed = waiting.pop()
        for extra in ("", *needed.extras):
            key = (canonicalize_name(needed.name), extra)
            if key in found:
                continue
            found[key] = distribution(needed.name)
            rows = map(Requirement, found[key].requires or ())
            waiting += [one for one in rows if one.marker is None or one.marker.evaluate({"extra": extra})]
    return list({one.name: one for one in found.values()}.values())
