"""The pictures of governance: limits and signals against published and hand-worked numbers."""

import pytest

from findings.measures import funnel, survival
from findings.measures.funnel import Place
from findings.measures.spc import Assurance, Signal, Variation, xmr

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2: a flow rate over ten batches.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]


def test_limits_are_those_of_a_published_example():
    chart = xmr(FLOW)
    assert chart.mean == pytest.approx(50.81)
    # It gives 3 / 1.128 for what Making Data Count rounds to 2.66.
    assert chart.upper == pytest.approx(55.8041, abs=0.001)
    assert chart.lower == pytest.approx(45.8159, abs=0.001)
    assert not any(point.signals for point in chart.points)
    assert chart.is_trial


def test_a_point_outside_the_limits_is_a_signal_and_does_not_widen_them():
    calm = [50, 52, 49, 51, 50, 52, 49, 51, 50, 52, 49, 51]
    chart = xmr([*calm, 90])
    assert Signal.OUTSIDE in chart.points[-1].signals
    # Its moving range of 39 is left out: that of the others is 23 / 11.
    assert chart.upper - chart.mean == pytest.approx(2.66 * 23 / 11)
    assert chart.variation("up") == Variation.BETTER
    assert chart.variation("down") == Variation.WORSE
    assert chart.variation(None) == Variation.HIGHER
    assert not chart.is_trial


def test_seven_on_one_side_are_a_shift_and_six_are_not():
    before = [20, 10, 20, 10, 20, 10, 20, 10]
    six, seven = xmr([*before, *[16] * 6], 8), xmr([*before, *[16] * 7], 8)
    assert not six.points[-1].signals
    assert [Signal.SHIFT in point.signals for point in seven.points] == [False] * 8 + [True] * 7


def test_a_point_on_the_mean_breaks_a_run():
    before = [20, 10, 20, 10, 20, 10, 20, 10]
    assert not any(point.signals for point in xmr([*before, 15, *[16] * 6], 8).points)


def test_seven_that_rise_are_a_trend():
    before = [10, 20, 10, 20, 10, 20, 10, 20]
    rising = xmr([*before, 12, 13, 14, 15, 16, 17, 18], 8)
    assert all(Signal.TREND in point.signals for point in rising.points[8:])
    assert not any(point.signals for point in xmr([*before, 12, 13, 14, 15, 16, 17], 8).points)


def test_two_of_three_near_one_limit_are_a_signal():
    before = [20, 10, 20, 10, 20, 10, 20, 10]
    # The mean is 15, the moving range 10: near is beyond 32.7, outside beyond 41.6.
    chart = xmr([*before, 38, 16, 39], 8)
    assert [point.signals for point in chart.points[8:]] == [
        (Signal.NEAR,),
        (),
        (Signal.NEAR,),
    ]
    assert not any(point.signals for point in xmr([*before, 38, 14, 39], 8).points)


def test_a_month_in_which_nothing_was_due_is_no_zero():
    with_a_gap = xmr([*FLOW[:5], None, *FLOW[5:]])
    assert with_a_gap.mean == xmr(FLOW).mean
    assert with_a_gap.points[5].value is None
    assert with_a_gap.points[6].value == FLOW[5]


def test_too_few_points_have_no_limits():
    chart = xmr([90, 95, 100, None])
    assert chart.mean is None
    assert chart.variation("up") == Variation.UNKNOWN
    assert chart.assurance(95, "up") == Assurance.NO_TARGET


@pytest.mark.parametrize(
    ("target", "good", "expected"),
    [
        (40, "up", Assurance.PASSES),
        (40, "down", Assurance.FAILS),
        (60, "up", Assurance.FAILS),
        (60, "down", Assurance.PASSES),
        (50, "up", Assurance.HIT_AND_MISS),
        (None, "up", Assurance.NO_TARGET),
        (50, None, Assurance.NO_TARGET),
    ],
)
def test_limits_say_whether_a_target_is_met_by_more_than_chance(target, good, expected):
    assert xmr(FLOW).assurance(target, good) == expected


def test_what_never_varies_is_its_own_limit():
    chart = xmr([100.0] * 12)
    assert (chart.lower, chart.upper) == (100, 100)
    assert chart.variation("up") == Variation.COMMON
    assert chart.assurance(95, "up") == Assurance.PASSES


def test_funnel_limits_hold_the_share_of_chance_that_they_name():
    """Against the binomial itself, summed by hand: 20 cases at one half."""
    from math import comb

    def below(count: int) -> float:
        return sum(comb(20, k) for k in range(count + 1)) / 2**20

    bounds = funnel.limits([20], 0.5)[0]
    # 5 of 20 or fewer come by chance in 2.07 %, 6 or fewer in 5.77 %: 2.5 % lies between.
    assert below(5) < 0.025 < below(6)
    assert 5 / 20 < bounds.lower < 6 / 20
    assert bounds.lower == pytest.approx(1 - bounds.upper, abs=0.06)
    assert bounds.low < bounds.lower < 0.5 < bounds.upper < bounds.high


@pytest.mark.parametrize(
    ("met", "expected"),
    [(2, Place.BELOW), (5, Place.LOW), (10, Place.INSIDE), (16, Place.HIGH), (18, Place.ABOVE)],
)
def test_a_team_lies_inside_or_outside_of_chance(met, expected):
    assert funnel.limits([20], 0.5)[0].place(met, 20) == expected


def test_where_nobody_missed_anything_nobody_is_outside():
    assert funnel.limits([7], 1.0)[0].place(7, 7) == Place.INSIDE
    assert funnel.share_of_all([(3, 4), (1, 4)]) == 0.5
    assert funnel.share_of_all([]) is None


def test_the_median_counts_what_still_waits():
    """Six acknowledged after 1, 2, 2, 3, 4 and 6 hours, four still open: 4 hours, and not the 2.5
    of those that are done."""
    found = survival.curve([1, 2, 2, 3, 4, 6], [30, 50, 80, 100])
    assert found.median == 4
    assert (found.count, found.open) == (10, 4)
    assert found.percentile(0.6) == 6
    assert found.percentile(0.9) is None


def test_what_was_censored_early_leaves_the_risk_set():
    """Worked by hand: 4 at risk at 1 h (3/4), one leaves at 2 h, 2 at risk at 3 h (3/8)."""
    found = survival.curve([1, 3], [2, 5])
    assert found.waiting[:2] == [1.0, 0.75]
    assert dict(zip(found.times, found.waiting, strict=True))[3] == 0.375
    assert found.median == 3


def test_nothing_done_has_no_median():
    found = survival.curve([], [5])
    assert found.median is None
    assert (found.count, found.open) == (1, 1)
