"""Schedules: their closed forms, what is refused, and sums that do not see where chunks end."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from fastbilevel import schedules
from fastbilevel._schedules import (
    Constant,
    Geometric,
    Linear,
    Power,
    before,
    check_schedule,
    counts_of,
    grown,
    numbers,
    values_of,
)

FORMULAS = {
    "Constant": (Constant(0.3), lambda k: 0.3),
    "Power": (Power(0.3, 0.5, offset=2.0), lambda k: 0.3 / math.sqrt(k + 2.0)),
    "Linear": (Linear(0.3, 0.25), lambda k: 0.3 + 0.25 * k),
    "Geometric": (Geometric(0.3, 1.5), lambda k: 0.3 * math.prod([1.5] * k)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_those_of_the_formula(name):
    schedule, formula = FORMULAS[name]
    wanted = [formula(k) for k in range(3, 8)]
    for given in (schedule, lambda k: schedule(k)):
        values = values_of("lr", given, 3, 5)
        assert values.dtype == np.float64
        np.testing.assert_allclose(values, wanted, rtol=1e-15)
    assert getattr(schedules, name) is type(schedule)


def test_the_first_value_of_a_power_is_its_factor():
    assert Power(0.7, 0.5)(0) == 0.7


def test_an_offset_is_larger_than_zero():
    assert Power(1.0, 1.0, offset=0.5)(0) == 2.0
    with pytest.raises(ValueError, match=r"^offset must be positive and finite; got 0\.0\.$"):
        Power(1.0, 1.0, offset=0)
    with pytest.raises(ValueError, match="offset"):
        Power(1.0, 1.0, offset=math.nan)


def test_a_number_is_the_same_in_every_iteration():
    for given in (2, 2.0, np.float32(2.0), np.int64(2)):
        check_schedule("lr", given)
        np.testing.assert_array_equal(values_of("lr", given, 5, 3), [2.0, 2.0, 2.0])
    assert values_of("lr", 2.0, 5, 0).shape == (0,)


@pytest.mark.parametrize("value", [True, False, "0.1", None, [0.1]])
def test_what_is_neither_a_number_nor_a_schedule_is_refused(value):
    with pytest.raises(TypeError, match=rf"a number or a schedule.*got {re.escape(repr(value))}\."):
        check_schedule("lr", value)


def test_limits_of_values():
    tiny = 1e-300
    check_schedule("lr", tiny)
    check_schedule("lr", 0.0, strict=False)
    check_schedule("lr", 1.5, least=1.0)
    check_schedule("lr", 1.0, least=1.0, strict=False)
    for value in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(
            ValueError, match=rf"^lr must be positive and finite; got {re.escape(repr(value))}\.$"
        ):
            check_schedule("lr", value)
    with pytest.raises(ValueError, match=r"^lr must be .* and finite"):
        check_schedule("lr", 1.0, least=1.0)
    with pytest.raises(ValueError, match=r"^lr must be finite and not negative"):
        check_schedule("lr", -tiny, strict=False)


def test_a_schedule_is_checked_at_its_first_value_and_names_the_first_bad_one():
    falling = Linear(1.0, -0.25)
    check_schedule("lr", falling)
    np.testing.assert_array_equal(values_of("lr", falling, 2, 2), [0.5, 0.25])
    with pytest.raises(ValueError, match=r"it is 0\.0 at outer iteration 4\.$"):
        values_of("lr", falling, 2, 6)
    with pytest.raises(ValueError, match=r"it is -1\.0 at outer iteration 0\.$"):
        check_schedule("lr", lambda k: -1.0 if k == 0 else 1.0)


def test_numbers_of_steps_are_rounded_up_but_not_for_a_rounding_error():
    given = [8 ** (2 / 3), 4.001, 0.2, 1.0, 3.0 + 1e-12, 2.5]
    found = counts_of("steps", lambda k: given[k], 0, 6)
    assert found.dtype == np.int64
    assert found.tolist() == [4, 5, 1, 1, 3, 3]


def test_sums_do_not_depend_on_where_chunks_end():
    growth = np.array([3, 1, 4, 1, 5, 9])
    whole = before({}, "steps", growth)
    assert whole.tolist() == [0, 3, 4, 8, 9, 14]
    totals = {"other": 7}
    parts = []
    for start, stop in ((0, 1), (1, 4), (4, 4), (4, 6)):
        parts.extend(before(totals, "steps", growth[start:stop]))
        totals = grown(totals, {"steps": growth[start:stop]})
    assert parts == whole.tolist()
    assert totals == {"other": 7, "steps": growth.sum()}


def test_numbers_follow_each_first_one():
    found = numbers(np.array([5, 0, 9, 2]), np.array([2, 0, 1, 3]))
    assert found.tolist() == [5, 6, 9, 2, 3, 4]
    assert found.dtype == np.int64
    assert numbers(np.zeros(0, np.int64), np.zeros(0, np.int64)).size == 0
