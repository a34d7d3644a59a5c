"""`certify`: run the rules on a vendor's adapter and hand back the certificate. The command line calls this.

    certify(vendor: str, *, seed: int = 1, rules: Iterable[str] | None = None,
            on_progress: Callable[[Progress], None] | None = None,
            adapter: type[Adapter] | None = None, waivers: Iterable[Waiver] = (),
            target: Target | None = None) -> Certificate

    certificate = certify("eg-pasientsky", on_progress=lambda step: bar.update(step.done, step.total))
    print("\\n".join(certificate.summary()))       # what a person reads in ten seconds
    json.dumps(certificate.as_dict())             # for machines
    raise SystemExit(certificate.exit_code)       # 0, 1, 10 or 12

Raises `TargetUnavailable` (exit code 11: `verdicts.TARGET_UNAVAILABLE`) when there is no adapter or mock of that
vendor, `LookupError` for a rule that does not exist, `ValueError` for a waiver of a safety rule or one without reason.
A KeyboardInterrupt ends the run: the rules that are left are NOT_RUN, and the certificate says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kobling import Adapter

from .certificate import Certificate
from .contract import chosen
from .rule import Rule
from .runner import Result, Waiver, run_rule
from .target import Target, TargetUnavailable, find_target
from .verdicts import Verdict

__all__ = ["Certificate", "Progress", "TargetUnavailable", "Waiver", "certify"]


@dataclass(frozen=True)
class Progress:
    """One step of a run. `result` is None while `rule` is under way, and its result when it is done."""

    done: int
    total: int
    rule: Rule
    result: Result | None = None


def certify(
    vendor: str,
    *,
    seed: int = 1,
    rules: Iterable[str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    adapter: type[Adapter] | None = None,
    waivers: Iterable[Waiver] = (),
    target: Target | None = None,
) -> Certificate:
    """Run rules (ids or areas; all when None) on the installed adapter of a vendor, or on `adapter`; see the module.
    target: instead of the vendor's mock."""
    selected = chosen(rules)
    target = target or find_target(vendor, adapter)
    excused = _checked(waivers, selected)
    tell = on_progress or _nobody
    results: list[Result] = []
    try:
        for number, rule in enumerate(selected):
            tell(Progress(number, len(selected), rule))
            result = run_rule(rule, target, seed, excused.get(rule.id))
            results.append(result)
            tell(Progress(number + 1, len(selected), rule, result))
    except KeyboardInterrupt:
        results += [Result(rule, Verdict.NOT_RUN, seed) for rule in selected[len(results) :]]
    return certificate_of(target, seed, results)


def certificate_of(target: Target, seed: int, results: Iterable[Result]) -> Certificate:
    """The certificate for results that are there."""
    return Certificate(
        vendor=target.vendor,
        adapter=target.adapter_path,
        adapter_version=target.adapter_version,
        target=target.kind,
        seed=seed,
        results=tuple(results),
    )


def _nobody(_: Progress) -> None:
    return None


def _checked(waivers: Iterable[Waiver], rules: Iterable[Rule]) -> dict[str, Waiver]:
    known = {rule.id: rule for rule in rules}
    found: dict[str, Waiver] = {}
    for waiver in waivers:
        rule = known.get(waiver.rule)
        if rule is not None and rule.safety:
            raise ValueError(f"{rule.id} is a safety rule and can't be waived: {rule.title}")
        if not waiver.reason.strip():
            raise ValueError(f"the waiver of {waiver.rule} has no reason")
        found[waiver.rule] = waiver
    return found
