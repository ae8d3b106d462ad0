"""Which waits will be late, against numbers worked by hand."""

import pytest

from findings.measures.forecast import Ended, Wait, expected, life_table

# Ten examinations: 4 reported on the day, 2 after one day, 2 seen no more at one day, 1 reported
# after two days, and 1 that waits, now two days old.
SEEN = [
    Ended(0, True, 4),
    Ended(1, True, 2),
    Ended(1, False, 2),
    Ended(2, True, 1),
    Ended(2, False, 1),
]


def test_the_table_counts_what_is_not_reported_only_as_long_as_it_was_seen():
    table = life_table(SEEN)
    # 6 of 10 wait at one day; of the 6 then seen 2 are reported: 0.4; of the 2 left 1: 0.2.
    assert table.waiting == pytest.approx([1, 0.6, 0.4, 0.2])
    assert table.reported == 7
    assert not table.says_enough


def test_a_wait_is_judged_by_those_that_waited_as_long():
    table = life_table(SEEN)
    assert table.is_late(0, 2) == pytest.approx(0.4)
    assert table.is_late(1, 1) == pytest.approx(0.4 / 0.6)
    # Beyond what was seen nothing is known to help it any more.
    assert table.is_late(3, 5) == 1
    assert life_table([Ended(0, True, 3)]).is_late(2, 1) == 1


def test_what_is_expected_adds_up_and_says_how_sure_it_is():
    every, inpatients = life_table(SEEN), life_table([Ended(0, True, 5)])
    waits = [(every, Wait(0, 2, 100)), (every, Wait(1, 1, 30)), (inpatients, Wait(0, 1, 10))]
    found = expected(waits)
    assert found.due == 140
    assert found.late == pytest.approx(40 + 20)
    # The variance is 100 x 0.4 x 0.6 + 30 x 2/3 x 1/3 = 30.67.
    assert (found.least, found.most) == (52, 68)


def test_nothing_due_is_nothing_expected():
    found = expected([])
    assert (found.due, found.late, found.least, found.most) == (0, 0, 0, 0)


def test_nobody_looked_at_leaves_everybody_waiting():
    assert life_table([]).is_late(4, 3) == 1
