"""What the command line's exit codes mean: one table, shown by `kobling --help` and obeyed by every command."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from kobling import (
    ConnectionProblem,
    KoblingError,
    OutcomeUnknown,
    RequestRejected,
    Unfinished,
    UnsupportedOperation,
    VendorUnavailable,
)


class ExitCode(IntEnum):
    """Every exit code of `kobling`."""

    SUCCESS = 0
    NO = 1
    USAGE = 2
    REJECTED = 3
    UNAVAILABLE = 4
    UNKNOWN = 5
    UNFINISHED = 6
    DEFECT = 7
    CONNECTION = 8
    SUITE_ERROR = 10
    TARGET_UNAVAILABLE = 11
    NOTHING_TESTED = 12
    INTERRUPTED = 130


MEANING: Final[Mapping[ExitCode, str]] = MappingProxyType(
    {
        ExitCode.SUCCESS: "it was done, or the answer is yes",
        ExitCode.NO: "the answer is no: the test failed, not conformant, not booked, something was found",
        ExitCode.USAGE: "the command line is wrong or lacks something; nothing was sent",
        ExitCode.REJECTED: "the request was refused; nothing was changed",
        ExitCode.UNAVAILABLE: "the vendor did not answer, or not fully; nothing was changed",
        ExitCode.UNKNOWN: "outcome unknown: run `kobling resolve`, don't book again",
        ExitCode.UNFINISHED: "something was changed, but not as asked: a person must look",
        ExitCode.DEFECT: "a defect of the vendor, the adapter or Kobling: report it",
        ExitCode.CONNECTION: "the connection is not right: run `kobling test`",
        ExitCode.SUITE_ERROR: "certify, zoo: the suite or the mock broke, there is no verdict",
        ExitCode.TARGET_UNAVAILABLE: "certify, fuzz, record, live: no adapter, mock, recordings or sandbox is there",
        ExitCode.NOTHING_TESTED: "certify, fuzz: nothing was tested",
        ExitCode.INTERRUPTED: "stopped by Ctrl-C",
    }
)

BY_ERROR: Final[tuple[tuple[type[KoblingError], ExitCode], ...]] = (
    (ConnectionProblem, ExitCode.CONNECTION),
    (RequestRejected, ExitCode.REJECTED),
    (UnsupportedOperation, ExitCode.REJECTED),
    (VendorUnavailable, ExitCode.UNAVAILABLE),
    (OutcomeUnknown, ExitCode.UNKNOWN),
    (Unfinished, ExitCode.UNFINISHED),
    (KoblingError, ExitCode.DEFECT),
)
"""The first class that fits decides."""


def exit_code_of(error: KoblingError) -> ExitCode:
    """The exit code for an error of Kobling."""
    return next(code for cls, code in BY_ERROR if isinstance(error, cls))
