"""The documentation's pages as they lie in the package, found by name and readable without the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final

__all__ = ["Page", "find", "pages"]

_FOLDERS: Final = ("tutorial", "how-to", "why", "reference")
_DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w-]+)\} ?(?P<argument>.*)\n(?P<body>(?:.*\n)*?)(?P=fence)$", re.M
)
_OPTION = re.compile(r"^:([\w-]+): ?(.*)$", re.M)
_MODULE = re.compile(r"^\.\. automodule:: (\S+)", re.M)
_ROLE = re.compile(r"\{download\}`([^<`]+) <([^>`]+)>`")
_LABEL = re.compile(r"^\([\w-]+\)=\n", re.M)
_HEADING = re.compile(r"^#{2,3} (.+)$", re.M)


class Page:
    """One page, or one section of it. name: its folder and file without the ending, as "how-to/read-pages"; for a
    file that a page hands over, its whole name, as "tutorial/output/mock.py"."""

    def __init__(self, root: Path, file: Path, section: str = "") -> None:
        self.file = file
        self.section = section
        self.name = file.relative_to(root).with_suffix("" if file.suffix == ".md" else file.suffix).as_posix()
        self._root = root

    @property
    def title(self) -> str:
        """The first heading."""
        return self.file.read_text("utf-8").splitlines()[0].removeprefix("# ")

    def text(self, rules: Mapping[str, str]) -> str:
        """Markdown, with the code that the page shows put in. rules: the titles of the suite's rules by id."""
        told = self.file.read_text("utf-8")
        if self.file.suffix != ".md":
            return told
        told = _DIRECTIVE.sub(lambda found: self._shown(found, rules), _section(told, self.section))
        return _ROLE.sub(lambda found: f"{found[1]} (`kobling about {self._beside(found[2])}`)", told)

    def _beside(self, name: str) -> str:
        return (self.file.parent / name).resolve().relative_to(self._root.resolve()).as_posix()

    def _shown(self, found: re.Match[str], rules: Mapping[str, str]) -> str:
        shown = _SHOWN.get(found["name"])
        return "" if shown is None else shown(self, found, rules)

    def _included(self, found: re.Match[str], _: Mapping[str, str]) -> str:
        file = (self.file.parent / found["argument"].strip()).resolve()
        if not (file.is_file() and file.is_relative_to(self._root.resolve())):
            return f"(`{file.name}`, which the site shows on this page.)"
        options = {name: value.strip('"') for name, value in _OPTION.findall(found["body"])}
        text = "\n".join(_between(file.read_text("utf-8").splitlines(), options)).strip("\n")
        return (
            f"{_where(options)}```{options.get('language', '')}\n{dedent(text) if 'dedent' in options else text}\n```"
        )

    def _code(self, found: re.Match[str], _: Mapping[str, str]) -> str:
        options = dict(_OPTION.findall(found["body"]))
        text = _OPTION.sub("", found["body"]).strip("\n")
        return f"{_where(options)}```{found['argument']}\n{text}\n```"

    def _rules(self, found: re.Match[str], rules: Mapping[str, str]) -> str:
        return "\n".join(f"- {name}: {rules.get(name, '')}" for name in found["argument"].split())

    def _modules(self, found: re.Match[str], _: Mapping[str, str]) -> str:
        return "\n".join(f"- `python -m pydoc {name}`" for name in _MODULE.findall(found["body"]))

    def _elsewhere(self, *_: object) -> str:
        return "(A table, which the site shows on this page.)"


_SHOWN: Final[Mapping[str, Callable[[Page, re.Match[str], Mapping[str, str]], str]]] = {
    "literalinclude": Page._included,
    "code-block": Page._code,
    "live-rules": Page._rules,
    "live-table": Page._elsewhere,
    "live-text": Page._elsewhere,
    "eval-rst": Page._modules,
}
"""What stands in place of a directive; of any other, nothing does."""


def _where(options: Mapping[str, str]) -> str:
    """The words above a block of code."""
    return f"{options['caption']}:\n\n" if "caption" in options else ""


def _between(lines: list[str], options: Mapping[str, str]) -> Iterator[str]:
    """The lines that the options of an inclusion choose: after the first mark, before the next."""
    after, before = options.get("start-after"), options.get("end-before")
    inside = after is None
    for line in lines:
        if inside and before is not None and before in line:
            return
        if inside:
            yield line
        elif after is not None and after in line:
            inside = True


def _section(text: str, label: str) -> str:
    """From the label, or the heading whose words it is, to the next heading that is as high; everything where there is
    neither."""
    begin = text.find(f"({label})=\n") if label else -1
    if begin < 0:
        begin = next((one.start() for one in _HEADING.finditer(text) if label and _words(one[1]) == label), -1)
    if begin >= 0:
        text = text[begin:]
        level = len(_LABEL.sub("", text).split(" ", 1)[0])
        end = re.compile(rf"^##{{1,{level - 1}}} ", re.M).search(text, text.index("#") + level)
        text = text[: end.start()] if end else text
    return _LABEL.sub("", text)


def _words(heading: str) -> str:
    """How a link names a heading: its words in small letters, joined by hyphens."""
    return re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")


def _root() -> Path:
    """Beside the code in a source tree, inside of the package where it is installed."""
    tree = Path(__file__).parents[2] / "docs"
    return tree if (tree / "conf.py").is_file() else Path(__file__).parent / "pages"


def pages() -> list[Page]:
    """Every page, in the order in which the folders are read; none where the package was made without them."""
    root = _root()
    files = (file for folder in _FOLDERS for file in sorted((root / folder).glob("*.md")))
    return [Page(root, file) for file in files]


def find(name: str) -> list[Page]:
    """The pages of that name, with its folder or without. A folder alone is its first page; a file that a page hands
    over is found by its whole name."""
    path, _, section = name.partition("#")
    wanted = path.removeprefix("docs/").removesuffix(".md")
    found = [one for one in pages() if wanted in (one.name, one.file.stem, one.name.removesuffix("/index"))]
    for one in found:
        one.section = section
    exact = [one for one in found if one.name == wanted]
    if found:
        return exact or found
    root = _root()
    file = (root / wanted).resolve()
    inside = any(file.is_relative_to((root / folder).resolve()) for folder in _FOLDERS)
    return [Page(root, file)] if inside and file.is_file() and file.suffix in (".py", ".txt", ".toml") else []
