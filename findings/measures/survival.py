"""How long something takes, told honestly while some of it is still open: the product-limit
(Kaplan-Meier) estimate. What still waits counts as "at least so long", never as nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """The share that was still waiting after each of `times`, in whatever unit those are that went
    in; it begins at 0 with all of them."""

    times: list[float]
    waiting: list[float]
    # How many were looked at, and how many of these still wait.
    count: int
    open: int

    def waiting_at(self, time: float) -> float:
        """The share that was still waiting then."""
        return self.waiting[bisect_right(self.times, time) - 1]

    def percentile(self, share: float) -> float | None:
        """After how long `share` (0.5: the median) were done; None where so many are not."""
        # 1 - 0.6 is a little more than 0.4, and one case too late.
        left = 1 - share + 1e-9
        done = (at for at, waits in zip(self.times, self.waiting, strict=True) if waits <= left)
        return next(done, None)

    @property
    def median(self) -> float | None:
        return self.percentile(0.5)


def curve(done: Sequence[float], still_open: Sequence[float] = ()) -> Curve:
    """The estimate of how long things took that are `done`, and take that are `still_open` now."""
    if not done:
        return Curve([0.0], [1.0], len(still_open), len(still_open))
    # Takes half a second and 70 MB: only a process that draws a curve pays for it.
    from scipy.stats import CensoredData, ecdf

    estimate = ecdf(CensoredData(uncensored=done, right=still_open)).sf
    times = [0.0, *estimate.quantiles.tolist()]
    waiting = [1.0, *estimate.probabilities.tolist()]
    return Curve(times, waiting, len(done) + len(still_open), len(still_open))
