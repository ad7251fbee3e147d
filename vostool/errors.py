"""Every error that vostool raises for its users, and the exit code that each carries.

    VostoolError                 1   a failure while processing
    ├── UsageError               2   the options contradict each other or name nothing that exists
    ├── InputError               3   something that was given cannot be used
    │   ├── VideoError           3   the video or frame folder cannot be read
    │   └── MaskError            3   the mask cannot be read, is ambiguous or does not fit the video
    ├── EnvironmentProblem       4   the machine cannot do what was asked
    │   ├── DeviceError          4   the device is not there
    │   └── WeightsError         4   the weights are missing, damaged or of another network
    ├── MemoryExhausted          5   out of memory
    ├── OutputError              6   the output exists or cannot be written
    └── Interrupted          130/143 stopped by SIGINT or SIGTERM; what was written stays readable

A message says what was wrong and what was found; the hint says what to do.
"""

from __future__ import annotations

import signal


class VostoolError(Exception):
    """Base of all errors meant for the user.

    Args:
        message: What was wrong and what was found, in one clause without a full stop.
        hint: What to do about it, in one clause without a full stop; empty if there is nothing to add.
        code: Stable dotted name for machines, for example ``mask.size_mismatch``.
    """

    exit_code = 1
    code = "failure"

    def __init__(self, message: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or type(self).code

    def __str__(self) -> str:
        text = f"{self.message}; {self.hint}" if self.hint else self.message
        return " ".join(text.split())


class UsageError(VostoolError):
    """Options that contradict each other, or that name something that does not exist."""

    exit_code = 2
    code = "usage"


class InputError(VostoolError):
    """Something that was given cannot be used."""

    exit_code = 3
    code = "input"


class VideoError(InputError):
    """The video or the folder of frames cannot be read."""

    code = "video"


class MaskError(InputError):
    """The mask cannot be read, is ambiguous or does not fit the video."""

    code = "mask"


class EnvironmentProblem(VostoolError):
    """The machine cannot do what was asked."""

    exit_code = 4
    code = "environment"


class DeviceError(EnvironmentProblem):
    """The device that was asked for is not there or does not work."""

    code = "device"


class WeightsError(EnvironmentProblem):
    """The weights are missing, damaged or those of another network."""

    code = "weights"


class MemoryExhausted(VostoolError):
    """The machine or its GPU ran out of memory."""

    exit_code = 5
    code = "memory"


class OutputError(VostoolError):
    """The output exists already or cannot be written."""

    exit_code = 6
    code = "output"


class Interrupted(VostoolError):
    """Stopped by a signal, after the files being written were closed in order.

    Args:
        signal_number: ``signal.SIGINT`` or ``signal.SIGTERM``; the exit code is 128 more.
    """

    code = "interrupted"

    def __init__(self, message: str, hint: str = "", *, signal_number: int = signal.SIGINT) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number
