"""The vendor-neutral truth of a clinic: what its timebooks hold, whatever dialect asks."""

from .appointments import *  # noqa: F403
from .clock import *  # noqa: F403
from .refusals import *  # noqa: F403
from .restrictions import *  # noqa: F403
from .setup import *  # noqa: F403
