"""The rules as pytest items: `pytest --pyargs kobling_contract --vendor eg-pasientsky`.

pytest imports this module in every run where Kobling is installed, so it imports nothing but pytest until `--vendor` is
given; in every other run it adds some options and does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .rule import Rule
    from .runner import Result
    from .target import Target

CATALOGUE = Path(__file__).parent / "contract.py"
"""The file that stands for the rules in pytest's node ids."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--vendor`, `--adapter`, `--rule`, `--target` and what belongs to it, `--contract-seed`."""
    group = parser.getgroup("kobling", "Kobling's contract suite")
    group.addoption("--vendor", metavar="KEY", help="run the contract's rules on this vendor's adapter")
    group.addoption("--adapter", metavar="MODULE:CLASS", help="an adapter class instead of the installed one")
    group.addoption(
        "--rule", action="append", metavar="ID", help="only this rule or area (SLOT-07, BOOK); may be repeated"
    )
    group.addoption(
        "--target", choices=("mock", "cassette", "live"), default="mock", help="what the adapter is run against (mock)"
    )
    group.addoption("--cassettes", metavar="DIR", help="where the recordings are (--target cassette)")
    group.addoption("--allow-writes", type=int, default=0, metavar="N", help="bookings that --target live may make (0)")
    group.addoption("--contract-seed", type=int, default=1, metavar="N", help="the seed of every random choice (1)")


def _vendor(config: pytest.Config) -> str | None:
    vendor: str | None = config.getoption("--vendor", default=None)
    return vendor


def pytest_configure(config: pytest.Config) -> None:
    """Find the target, when a vendor is named; without one this run is none of ours."""
    vendor = _vendor(config)
    if vendor is None:
        return
    from .target import TargetUnavailable
    from .targets import open_target
    from .verdicts import TARGET_UNAVAILABLE

    problem, cassettes = "", config.getoption("--cassettes")
    try:
        config.stash[_TARGET] = open_target(
            vendor,
            config.getoption("--target"),
            os.environ,
            adapter=_adapter(config.getoption("--adapter")),
            cassettes=Path(cassettes) if cassettes is not None else None,
            bookings=config.getoption("--allow-writes"),
        )
    except TargetUnavailable as error:
        problem = str(error)
    if problem:
        pytest.exit(problem, returncode=TARGET_UNAVAILABLE)
    config.stash[_RESULTS] = []


def _adapter(path: str | None) -> Any:
    if path is None:
        return None
    from importlib import import_module
    from operator import attrgetter

    module, _, name = path.partition(":")
    return attrgetter(name)(import_module(module))


_TARGET: pytest.StashKey[Target] = pytest.StashKey()
_RESULTS: pytest.StashKey[list[Result]] = pytest.StashKey()


def pytest_report_header(config: pytest.Config) -> str | None:
    """What was chosen, and why."""
    if _vendor(config) is None:
        return None
    target = config.stash[_TARGET]
    rules = ", ".join(config.getoption("--rule") or ["all"])
    seed = config.getoption("--contract-seed")
    return (
        f"kobling contract: vendor {target.vendor}, adapter {target.adapter_path} {target.adapter_version} "
        f"({'--adapter' if config.getoption('--adapter') else 'installed'}), target {target.kind}, rules {rules}, "
        f"seed {seed}"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The catalogue of rules is collected as a file of tests, when a vendor is named."""
    if _vendor(parent.config) is None or file_path != CATALOGUE:
        return None
    return RuleFile.from_parent(parent, path=file_path)


class RuleFile(pytest.File):
    """The catalogue."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each rule that was chosen."""
        from .contract import chosen

        try:
            rules = chosen(self.config.getoption("--rule"))
        except LookupError as error:
            raise pytest.UsageError(str(error)) from None
        for rule in rules:
            item = RuleItem.from_parent(self, name=rule.id)
            item.rule = rule
            yield item


class RuleItem(pytest.Item):
    """One rule."""

    rule: Rule

    def runtest(self) -> None:
        """Run the rule; a verdict that is not conformant is a failure of the item."""
        from .runner import run_rule
        from .verdicts import Verdict

        result = run_rule(self.rule, self.config.stash[_TARGET], self.config.getoption("--contract-seed"))
        self.config.stash[_RESULTS].append(result)
        self.user_properties.append(("contract", result.as_dict()))
        if result.verdict in (Verdict.SKIP, Verdict.NOT_PROVABLE):
            pytest.skip(result.reason)
        if not result.verdict.conformant:
            raise RuleBroken(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong, what was expected, on which exchange, and what to do: no traceback of the suite's own."""
        if isinstance(excinfo.value, RuleBroken):
            return "\n".join(excinfo.value.result.lines())
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The rule's id and sentence."""
        return self.path, None, f"{self.rule.id} {self.rule.title}"


class RuleBroken(Exception):
    """A rule's verdict is not conformant."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result.verdict.value} {result.rule.id}")
        self.result = result


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The suite's own exit codes, where pytest has none for it: 10 the suite broke, 12 nothing was tested."""
    if _vendor(session.config) is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED,
                                                             pytest.ExitCode.NO_TESTS_COLLECTED):  # fmt: skip
        return
    from .verdicts import CONFORMANT, NOT_CONFORMANT, exit_code

    code = exit_code(result.verdict for result in session.config.stash[_RESULTS])
    if code not in (CONFORMANT, NOT_CONFORMANT) or exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = code


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The headline of the certificate."""
    if _vendor(config) is None or not config.stash[_RESULTS]:
        return
    from .certify import certificate_of

    results = config.stash[_RESULTS]
    certificate = certificate_of(config.stash[_TARGET], config.getoption("--contract-seed"), results)
    terminalreporter.section("kobling contract")
    terminalreporter.line(f"{certificate.vendor}: {certificate.headline()}")
    terminalreporter.line(", ".join(f"{count} {verdict}" for verdict, count in certificate.counts.items()))
