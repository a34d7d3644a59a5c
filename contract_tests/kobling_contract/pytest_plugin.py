"""The rules as pytest items: `pytest --pyargs kobling_contract --vendor eg-pasientsky`, or a file of a vendor's own
that says `test_contract = contract(MySystem)` (see `items.py`).

pytest imports this module in every run where Kobling is installed, so it imports nothing but pytest until `--vendor` is
given or an item has run a rule; in every other run it adds options and does nothing.

Results come from the reports of items, which pytest-xdist brings from its workers to the process that sums up: the same
way with `-n` and without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from kobling import Operation

    from .certificate import Certificate
    from .rule import Rule
    from .target import Target
    from .waivers import Waiver

CATALOGUE = Path(__file__).parent / "contract.py"
"""The file that stands for the rules in pytest's node ids."""
PROPERTY = "kobling_contract"
"""The name under which an item's report holds a result and what it was run against."""
OF_THE_CONTRACT = "kobling_contract_rules"
"""The attribute of a test function that `items.contract` made, with a case for each rule."""
FILES = {
    "html": "a report to read",
    "json": "the report for a program",
    "junit": "JUnit XML with a case for each rule (pytest's own --junitxml has one for each item)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--vendor`, `--adapter`, `--rule`, `--target` and what belongs to it, and those that begin with `--contract-`."""
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
    group.addoption("--contract-waivers", metavar="FILE", help="TOML: rules that may fail for a while, and why")
    for kind, about in FILES.items():
        group.addoption(f"--contract-report-{kind}", metavar="FILE", help=about)
    group.addoption("--contract-certificate", metavar="FILE", help="the certificate, signed where a key is given")
    group.addoption("--contract-sign-key", metavar="FILE", help="the private key (PEM) that signs it")


def _vendor(config: pytest.Config) -> str | None:
    vendor: str | None = config.getoption("--vendor", default=None)
    return vendor


def pytest_configure(config: pytest.Config) -> None:
    """Gather results in the process that sums up; find the target, when a vendor is named."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Gathered(config), "kobling-contract-results")
    _read_files(config)
    vendor = _vendor(config)
    if vendor is None:
        return
    from .target import TargetUnavailable, adapter_at
    from .targets import open_target
    from .verdicts import TARGET_UNAVAILABLE

    problem, path, cassettes = "", config.getoption("--adapter"), config.getoption("--cassettes")
    try:
        config.stash[_TARGET] = open_target(
            vendor,
            config.getoption("--target"),
            os.environ,
            adapter=adapter_at(path) if path else None,
            cassettes=Path(cassettes) if cassettes is not None else None,
            bookings=config.getoption("--allow-writes"),
        )
    except TargetUnavailable as error:
        problem = str(error)
    if problem:
        pytest.exit(problem, returncode=TARGET_UNAVAILABLE)


def _read_files(config: pytest.Config) -> None:
    """Waivers and the key, where they are named: what is wrong with them is told before anything is run."""
    waivers, key = config.getoption("--contract-waivers"), config.getoption("--contract-sign-key")
    problem = ""
    try:
        if waivers:
            from datetime import date

            from .contract import RULES
            from .waivers import checked, read_waivers

            config.stash[WAIVERS] = checked(read_waivers(Path(waivers).read_text("utf-8")), RULES, date.today())
        if key:
            from .seal import private_key

            config.stash[_KEY] = private_key(Path(key).read_bytes())
    except (OSError, ValueError) as error:  # a bad waiver and a bad key are ValueErrors, and tell nothing secret
        problem = str(error)
    except ModuleNotFoundError:
        problem = "signing needs a part that is not installed: pip install 'kobling[sign]'"
    if problem:
        raise pytest.UsageError(problem)


_TARGET: pytest.StashKey[Target] = pytest.StashKey()
_KEY: pytest.StashKey[Ed25519PrivateKey] = pytest.StashKey()
WAIVERS: pytest.StashKey[dict[str, Waiver]] = pytest.StashKey()
"""The waivers of this run by rule."""


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of a vendor's own test that `--rule` does not name."""
    wanted = config.getoption("--rule")
    cases = [one for one in items if wanted and hasattr(getattr(one, "function", None), OF_THE_CONTRACT)]
    if not cases:
        return
    from .contract import NoSuchRule, chosen

    try:
        rules = {rule.id for rule in chosen(wanted)}
    except NoSuchRule as error:
        raise pytest.UsageError(str(error)) from None
    params = {one: one.callspec.params["case"] for one in cases}  # type: ignore[attr-defined]
    left_out = [one for one, case in params.items() if not isinstance(case, str) and case.id not in rules]
    items[:] = [one for one in items if one not in set(left_out)]
    config.hook.pytest_deselected(items=left_out)


class RuleFile(pytest.File):
    """The catalogue."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each rule that was chosen, and before them one for each operation that is not written yet."""
        from kobling.adapter import unwritten

        from .contract import NoSuchRule, chosen
        from .items import unwritten_name

        try:
            rules = chosen(self.config.getoption("--rule"))
        except NoSuchRule as error:
            raise pytest.UsageError(str(error)) from None
        for operation in unwritten(self.config.stash[_TARGET].adapter):
            place = UnwrittenItem.from_parent(self, name=unwritten_name(operation))
            place.operation = operation
            yield place
        for rule in rules:
            item = RuleItem.from_parent(self, name=rule.id)
            item.rule = rule
            yield item


class _Item(pytest.Item):
    """An item whose failure is told in its own words."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong, what was expected, on which exchange, and what to do: no traceback of the suite's own."""
        if isinstance(excinfo.value, pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class UnwrittenItem(_Item):
    """One operation that is not written yet: it fails, once for all rules that wait for it."""

    operation: Operation

    def runtest(self) -> None:
        """Fail, and say where it is to be written."""
        from .contract import chosen
        from .items import fail_as_unwritten

        fail_as_unwritten(self.operation, self.config.stash[_TARGET].adapter, chosen(self.config.getoption("--rule")))

    def reportinfo(self) -> tuple[Path, None, str]:
        """The operation."""
        return self.path, None, self.name


class RuleItem(_Item):
    """One rule."""

    rule: Rule

    def runtest(self) -> None:
        """Run the rule; a verdict that is not conformant is a failure of the item."""
        from .items import try_rule

        try_rule(self, self.rule, self.config.stash[_TARGET])

    def reportinfo(self) -> tuple[Path, None, str]:
        """The rule's id and sentence."""
        return self.path, None, f"{self.rule.id} {self.rule.title}"


class _Gathered:
    """The results of a run, as items reported them: by what they were run against, and one certificate for each."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._written: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the result that an item reports. An item reports its properties once for each of its phases."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, dict):
                self._rows.setdefault(tuple(value["target"]), []).append(value["result"])

    def _certificates(self) -> list[Certificate]:
        from .certificate import Certificate
        from .contract import RULES
        from .runner import Result

        rules = {rule.id: rule for rule in RULES}
        position = {rule: number for number, rule in enumerate(rules)}
        found = []
        for (vendor, vendor_version, adapter, adapter_version, kind, seed), rows in self._rows.items():
            results = [Result.from_dict(row, rules[row["rule"]]) for row in rows]
            results.sort(key=lambda one: position[one.rule.id])
            found.append(
                Certificate(vendor, adapter, adapter_version, kind, (int(seed),), tuple(results), vendor_version)
            )
        return found

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the files, and set the suite's own exit codes, where pytest has none for it: 10 the suite broke, 12
        nothing was tested."""
        if not self._rows and _vendor(self._config) is None:
            return
        from .verdicts import CONFORMANT, NOT_CONFORMANT, NOTHING_TESTED, SUITE_ERROR

        certificates = self._certificates()
        self._write(certificates)
        codes = {certificate.exit_code for certificate in certificates} or {NOTHING_TESTED}
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            if SUITE_ERROR in codes:
                session.exitstatus = SUITE_ERROR
            elif not codes & {CONFORMANT, NOT_CONFORMANT}:
                session.exitstatus = NOTHING_TESTED
            elif NOT_CONFORMANT in codes:  # also where all that was run waits for what is not written yet
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write(self, certificates: list[Certificate]) -> None:
        from datetime import UTC, datetime

        from .reports import REPORTS
        from .seal import seal

        at = datetime.now(UTC)
        several = len(certificates) > 1
        key = self._config.stash.get(_KEY, None)
        for certificate in certificates:
            for kind in FILES:
                self._put(f"--contract-report-{kind}", certificate, several, REPORTS[kind](certificate, at).encode())
            self._put("--contract-certificate", certificate, several, seal(certificate, at, key))

    def _put(self, option: str, certificate: Certificate, several: bool, content: bytes) -> None:
        named = self._config.getoption(option)
        if not named:
            return
        path = Path(named)
        if several:  # a run of several adapters has a file for each
            path = path.with_name(f"{path.stem}-{certificate.adapter.rpartition(':')[2]}{path.suffix}")
        path.write_bytes(content)
        self._written.append(str(path))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The headline of each certificate, and where its files are."""
        if not self._rows:
            return
        terminalreporter.section("kobling contract")
        for certificate in self._certificates():
            terminalreporter.line(f"{certificate.vendor}: {certificate.headline()}")
            terminalreporter.line(", ".join(f"{count} {verdict}" for verdict, count in certificate.counts.items()))
        for path in self._written:
            terminalreporter.line(f"written: {path}")
