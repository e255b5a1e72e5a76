"""UniBiO and BO-REP: options and the numbers that come out, first steps by hand.

mu = 2, a = 1/2: g_y = 2y - x, h = x/2 + v with v = eta (r_0 + r_1 + r_2). Each x step has length
lr_x; a ball that acts in a second epoch brings in roots, and then y is written as a float. What is
written down is h; the direction of a step is the mean m that `averaged` puts in its place.
"""

from fractions import Fraction as F

from methods import second_order_normalized as traces
from methods.hand_case import Case, fractions
from methods.second_order_values import START

CASES: dict[str, Case] = {}
OPTIONS = {
    "power": 2,
    "period": 2,
    "lower_budget": 4,
    "epoch_steps": 2,
    "radius": F(1, 2),
    "lr_y": F(1, 4),
    "neumann_steps": 2,
    "neumann_lr": F(1, 4),
    "momentum": F(3, 4),
    "lr_x": F(1, 8),
    "scaling_floor": F(1, 100),
}


def averaged(*steps):
    """(x, y, m) of the steps (x, y, h): m = 3/4 m + 1/4 h from 0."""
    m, found = F(0), []
    for x, y, h in steps:
        m = 3 * m / 4 + h / 4
        found.append((x, y, m))
    return tuple(found)


def direction(x, y):
    """h for p = 2: 1 - eta H = 1/2, v = (1 + 1/2 + 1/4)/4 (y - 1)."""
    return x / 2 + 7 * (y - 1) / 16


# Epoch 1, two steps of 1/4, radius 1/2: -1/2 -> -1/8 -> 1/16, projected on 0; mean -1/16.
# Epoch 2, four steps of 1/8, radius 0.35 (not reached): y - 1/4 = -5/16 shrinks by 3/4 each time,
# the mean of its four values is -5/16 525/1024: y = 1/4 - 2625/16384 = 1471/16384. A third epoch
# would begin at a budget of 4 + 8. The direction is negative, so x grows by 1/8; the second step is
# projected on 11/16.
CASES["unibio"] = Case(
    "unibio",
    traces.unibio,
    START,
    fractions("-1", "11/16"),
    OPTIONS,
    averaged(
        fractions("5/8", "1471/16384", "-38855/262144"),
        fractions("11/16", "1471/16384", "-22471/262144"),
        fractions("11/16", "39583769/134217728", "75759791/2147483648"),
    ),
)
# A first budget of 3 stops after epoch 1, y = -1/16. In the third step h > 0 but m < 0: x grows.
CASES["unibio, first budget"] = Case(
    "unibio",
    traces.unibio,
    START,
    None,
    OPTIONS | {"initial_budget": 3},
    averaged(
        fractions("5/8", "-1/16", "-55/256"),
        fractions("3/4", "-1/16", "-39/256"),
        fractions("7/8", "38127/131072", "135817/2097152"),
    ),
)
# Radius 1/4. Epoch 1: both steps end on the ball, -1/4. Epoch 2 has the radius sqrt(2)/8:
# -1/4 -> -1/8 -> -1/32, projected as the two after it.
FIRST = -7 / 32 + 3 * 2**0.5 / 32
# k = 2, x = 3/4: y -> y/2 + 3/16, then y + 1/4 on the ball, mean 3y/4 + 7/32; epoch 2 as above
# with the target 3/8 and no projection.
THIRD = 3 / 8 + 525 / 1024 * (3 * FIRST / 4 - 5 / 32)
CASES["unibio, small ball"] = Case(
    "unibio",
    traces.unibio,
    START,
    None,
    OPTIONS | {"radius": F(1, 4)},
    averaged(
        (F(5, 8), FIRST, direction(1 / 2, FIRST)),
        (F(3, 4), FIRST, direction(5 / 8, FIRST)),
        (F(7, 8), THIRD, direction(3 / 4, THIRD)),
    ),
)
# p = 3, tau = 4/3, one epoch: y + 1/4 = -1/4 halves twice, mean -3/8 * 1/4 - 1/4 = -11/32.
# D = 2 |y| = 11/16, 1 - eta H/D = 9/11: v = (1/11)(1 + 9/11 + 81/121)(-43/32) = -12943/42592.
CASES["unibio, p = 3, y < 0"] = Case(
    "unibio",
    traces.unibio,
    fractions("-1/2", "-1/2"),
    None,
    OPTIONS | {"power": 3, "lower_budget": 3, "neumann_lr": F(1, 16)},
    averaged(
        fractions("-3/8", "-11/32", "-23591/42592"),
        fractions("-1/4", "-11/32", "-20929/42592"),
        fractions("-1/8", "-53/256", "-2492459/4764064"),
    ),
)
# p = 4, tau = 3/2, floor(2 * 2.83) = 5 steps in epoch 2. Budget 5 < 2 * 2.83: y = -3/8 on the ball
# of radius 1/8. D = 3 (3/8)^2 = 27/64, 1 - eta H/D = 23/27, v = (2/27)(1 + 23/27 + 529/729)(-11/8).
# k = 2, x = 1/2: all steps end on the balls, y = -3/8 + 1/8 + 2^(-1/4)/8, which is smaller than the
# floor: D = 3/25, eta/D = 25/96.
LAST = -1 / 4 + 2**-0.25 / 8
CASES["unibio, p = 4"] = Case(
    "unibio",
    traces.unibio,
    START,
    None,
    OPTIONS
    | {
        "power": 4,
        "lower_budget": 6,
        "initial_budget": 5,
        "radius": F(1, 8),
        "neumann_lr": F(1, 32),
        "scaling_floor": F(1, 5),
    },
    averaged(
        fractions("5/8", "-3/8", "-493/39366"),
        fractions("1/2", "-3/8", "15739/314928"),
        (F(5, 8), LAST, 1 / 4 + 25 / 96 * (1 + 23 / 48 + (23 / 48) ** 2) * (LAST - 1)),
    ),
)
# Epoch-SGD as above. k = 2: one epoch of three steps, not two epochs.
CASES["bo-rep"] = Case(
    "bo-rep",
    traces.bo_rep,
    START,
    None,
    OPTIONS | {"lower_budget": 3, "initial_budget": 4},
    averaged(
        fractions("5/8", "1471/16384", "-38855/262144"),
        fractions("3/4", "1471/16384", "-22471/262144"),
        fractions("7/8", "114745/393216", "409999/6291456"),
    ),
)
# Radius 1/8: every step of both epochs at k = 0 and of the one at k = 2 ends on the ball.
BALL = -3 / 8 + 2**0.5 / 16
CASES["bo-rep, small ball"] = Case(
    "bo-rep",
    traces.bo_rep,
    START,
    fractions("-1", "11/16"),
    OPTIONS | {"lower_budget": 3, "initial_budget": 4, "radius": F(1, 8)},
    averaged(
        (F(5, 8), BALL, direction(1 / 2, BALL)),
        (F(11, 16), BALL, direction(5 / 8, BALL)),
        (F(11, 16), BALL + 1 / 8, direction(11 / 16, BALL + 1 / 8)),
    ),
)
