"""F3SA, Prox-F2SA and Prox-F3SA: options and the fractions that come out, first steps by hand.

mu = 2, a = 1/2: g_y = 2y - x, g_x = -y, f_y = y - 1, f_x = x/2.
"""

from fractions import Fraction as F

from methods import hand_traces as traces
from methods.hand_case import Case, fractions

# Two samples of either level whose means are the coefficients of Q1, and which of them the steps of
# the derivation draw.
SAMPLES = (
    traces.Sample(*fractions("3/2", "1/2", "1/4", "1/2", "-3/2", "1/4")),
    traces.Sample(*fractions("5/2", "3/2", "-1/4", "3/2", "-1/2", "3/4")),
)
DRAWN = (
    {"gz": 0, "fy": 1, "gy": 1, "fx": 0, "gxy": 1, "gxz": 0},
    {"gz": 1, "fy": 1, "gy": 0, "fx": 0, "gxy": 0, "gxz": 1},
    {"gz": 0, "fy": 0, "gy": 0, "fx": 1, "gxy": 1, "gxz": 1},
)


def drawn(k: int) -> dict[str, traces.Sample]:
    return {role: SAMPLES[row] for role, row in DRAWN[k].items()}


CASES: dict[str, Case] = {}
PROX = {
    "inner_steps": lambda k: 2 - k % 2,
    "lr_y": F(1, 4),
    "lr_x": lambda k: F(3, k + 1),
    "nu": lambda k: F(1, k + 2),
    "prox": F(2, 3),
    "smoothing": F(3, 4),
    "lower_projection": fractions("-1", "5/8"),
}
# x = 3/2, sigma = 1/2. v: 1/2 -> 1/2 + (1/2)/4 = 5/8 -> 5/8 + (1/4 - (3/2)(1/8))/4 = 41/64,
# projected on 5/8. u: 1/2 -> 1/2 + (1/4 + 1/2)/4 = 11/16, projected on 5/8
# -> 5/8 + (3/16 + 1/4 - (3/2)(1/8))/4 = 11/16, projected on 5/8. Centres 1/8 + (3/4)(5/8) = 19/32.
# x = 3/2 - 3 ((1/2)(3/4) - 5/8 + 5/8) = 3/8.
CASES["prox-f2sa"] = Case(
    "prox-f2sa",
    traces.prox_f2sa,
    fractions("3/2", "1/2"),
    fractions("1/3", "2"),
    PROX,
    (
        fractions("3/8", "5/8", "5/8"),
        fractions("1/3", "101/256", "109/256"),
        fractions("136559/393216", "18833/65536", "134869/393216"),
    ),
)
# As above without the projections: v = 41/64. u: 1/2 -> 11/16 -> 11/16 + 0/4.
# x = 3/2 - 3 ((1/2)(3/4) - 11/16 + 41/64) = 33/64.
CASES["prox-f2sa, no projection"] = Case(
    "prox-f2sa",
    traces.prox_f2sa,
    fractions("3/2", "1/2"),
    None,
    PROX | {"lower_projection": None},
    (
        fractions("33/64", "41/64", "11/16"),
        fractions("1861/4096", "893/2048", "739/1536"),
        fractions("719881/1572864", "176381/524288", "38983/98304"),
    ),
)
STORM = {
    "lr_z": lambda k: F(2, k + 5),
    "lr_y": F(1, 8),
    "lr_x": lambda k: F(1, k + 1),
    "penalty": lambda k: 2 + F(k, 2),
    "penalty_increment": F(1, 2),
    "momentum": lambda k: F(1, k + 1),
}
# x = 1/2, lambda = 2. z = -1/2 + (2/5)(3/2) = 1/10, y = -1/2 + (3/2 + 3)/8 = 1/16,
# Phi = 1/4 + 2 (1/10 - 1/16) = 13/40, x = 1/2 - 13/40 = 7/40, projected on 7/16.
# Without noise the estimators are the gradients, whatever the momentum.
CASES["f3sa"] = Case(
    "f3sa",
    traces.f3sa,
    fractions("1/2", "-1/2"),
    fractions("7/16", "2"),
    STORM,
    (
        fractions("7/16", "1/10", "1/16"),
        fractions("323/640", "43/240", "19/64"),
        fractions("5193/8960", "99/448", "871/2560"),
    ),
)
# x = 1/2. h_gz = 9/8 - 1/4 - 1/4 = 5/8, z = 3/4 - (2/5)(5/8) = 1/2. h_fy = 9/8 - 1/2 = 5/8,
# h_gy = 15/8 - 3/4 + 1/4 = 11/8, y = 3/4 - (5/8 + 11/4)/8 = 21/64. h_fx = 1/8, h_gxy = -63/128,
# h_gxz = -1/4, x = 1/2 - (1/8 + 2 (1/4 - 63/128))/2 = 87/128, projected on 9/16.
CASES["f3sa, two samples"] = Case(
    "f3sa",
    traces.f3sa,
    fractions("1/2", "3/4"),
    fractions("-1", "9/16"),
    STORM | {"lr_x": F(1, 2), "momentum": F(1, 2), "draws": drawn},
    (
        fractions("9/16", "1/2", "21/64"),
        fractions("45/128", "13/32", "13/64"),
        fractions("1803/7168", "309/896", "67/256"),
    ),
)
PROX_STORM = {
    "lr_y": lambda k: F(1, k + 3),
    "lr_x": F(2),
    "nu": lambda k: F(1, k + 2),
    "prox": F(2, 3),
    "smoothing": F(3, 4),
    "momentum": F(1, 2),
    "lower_projection": fractions("-1", "2/5"),
}
# x = 1, sigma = 1/2. v = 1/4 + (1/2)/3 = 5/12 and u = 1/4 + (3/8 + 1/2)/3 = 13/24, both projected
# on 2/5. x = 1 - 2 ((1/2)(1/2) - 2/5 + 2/5) = 1/2.
CASES["prox-f3sa"] = Case(
    "prox-f3sa",
    traces.prox_f3sa,
    fractions("1", "1/4"),
    fractions("7/16", "2"),
    PROX_STORM,
    (
        fractions("1/2", "2/5", "2/5"),
        fractions("7/16", "199/640", "231/640"),
        fractions("569/1280", "1423/5120", "1721/5120"),
    ),
)
# x = 1. h_gz = 3/8 - 1/2 - 1/4 = -3/8, v = 1/4 + 1/8 = 3/8. h_fy = 3/8 - 1/2 = -1/8,
# h_gy = 5/8 - 3/2 + 1/4 = -5/8, u = 1/4 + (1/16 + 5/8)/3 = 23/48. h_fx = 1/4, h_gxy = -23/32,
# h_gxz = -3/16, x = 1 - ((1/2)(1/4) - 23/32 + 3/16) = 45/32.
CASES["prox-f3sa, two samples"] = Case(
    "prox-f3sa",
    traces.prox_f3sa,
    fractions("1", "1/4"),
    None,
    PROX_STORM | {"lr_x": F(1), "lower_projection": None, "draws": drawn},
    (
        fractions("45/32", "3/8", "23/48"),
        fractions("3493/3072", "9/16", "271/512"),
        fractions("15291/16384", "17869/30720", "17309/30720"),
    ),
)
