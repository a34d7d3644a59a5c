"""The template's versions as a git repository with a tag for each: what copier compares to update a project.

A project's `.copier-answers.yml` names this repository and the tag that it was made from. The commits are the same on
every machine, so that a project made on one can be updated on another, also by `copier update` itself once the
repository is there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["REPOSITORY", "TEMPLATES", "newest", "versions", "write_history"]

TEMPLATES: Final = Path(__file__).parent / "templates"
"""A folder for each version, `v1` and on. A published one never changes: a change is a new folder."""
REPOSITORY: Final = "~/.cache/kobling/adapter-template"
"""Where the repository is written, as it stands in every project's answers: the same text for everybody."""

_SETTLED: Final = {
    "GIT_AUTHOR_NAME": "Kobling",
    "GIT_AUTHOR_EMAIL": "kobling@localhost",
    "GIT_COMMITTER_NAME": "Kobling",
    "GIT_COMMITTER_EMAIL": "kobling@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Nothing of the person at the keyboard, nor of the day, goes into the commits."""


def versions(templates: Path = TEMPLATES) -> list[Path]:
    """The folder of each version, oldest first."""
    found = [path for path in templates.iterdir() if re.fullmatch(r"v[1-9][0-9]*", path.name)]
    return sorted(found, key=lambda path: int(path.name[1:]))


def newest(templates: Path = TEMPLATES) -> Path:
    """The version that new projects are made from."""
    return versions(templates)[-1]


def write_history(repository: Path, templates: Path = TEMPLATES) -> None:
    """Write the repository anew, in place of an older one. Raises `OSError` or `subprocess.CalledProcessError`."""
    repository.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(repository, ignore_errors=True)
    _git(repository.parent, "init", "--quiet", "--initial-branch=main", repository.name)
    for version in versions(templates):
        for old in repository.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(version, repository, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        _git(repository, "add", "--all", "--force")
        _git(repository, "commit", "--quiet", "--allow-empty", "--message", version.name)
        _git(repository, "tag", version.name)


def _git(folder: Path, *arguments: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "core.autocrlf=false", "-c", "core.fileMode=false", *arguments]
    subprocess.run(command, cwd=folder, env={**inherited, **_SETTLED}, check=True, capture_output=True)
