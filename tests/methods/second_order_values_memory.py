"""MRBO, SUSTAIN, VRBO and SABA: options, the fractions that come out, first steps by hand.

As in `second_order_values.py`; for these methods d is the estimate v_k that x went along.
"""

from fractions import Fraction as F

from methods import second_order_traces as traces
from methods.hand_case import Case, fractions
from methods.hand_traces import Sample
from methods.hand_values_storm import SAMPLES
from methods.second_order_values import HIGH, START

ROLES = ("lower", "upper", "cross", "linear")
ROLES += tuple(f"fresh {role}" for role in ROLES)


def drawn(role: str, k: int, t: int) -> Sample:
    """Which of the two samples whose mean is Q1 a draw gives: any pattern that mixes them."""
    return SAMPLES[(ROLES.index(role) + k + t) // 2 % 2]


# Three samples of mean Q1, in one block each.
BLOCKS = (
    Sample(*fractions("3/2", "1/2", "1/4", "1/2", "-3/2", "1/4")),
    Sample(*fractions("2", "3/2", "1/4", "1", "-1", "1/2")),
    Sample(*fractions("5/2", "1", "-1/2", "3/2", "-1/2", "3/4")),
)

CASES: dict[str, Case] = {}
STORM = {
    "neumann_steps": 2,
    "neumann_lr": F(1, 4),
    "lr_y": lambda k: F(1, k + 4),
    "lr_x": F(1, 2),
    "momentum": F(1, 2),
    "lower_momentum": lambda k: F(2, k + 2),
}
# f_y = -3/2, v = (7/16) f_y = -21/32, h = 1/4 - 21/32 = -13/32: x = 1/2 + 13/64 = 45/64, and from
# the same point y = -1/2 + (3/2)/4. Without noise the momentum is of no consequence.
CASES["mrbo"] = Case(
    "mrbo",
    traces.mrbo,
    START,
    fractions("-1", "47/64"),
    STORM | {"lr_x": lambda k: F(1, k + 2)},
    (
        fractions("45/64", "-1/8", "-13/32"),
        fractions("47/64", "21/320", "-9/64"),
        fractions("47/64", "319/1920", "-213/5120"),
    ),
)
# "upper" gives the first sample: f_y = 3/8 - 3/2 = -9/8, f_x = 1/8; "linear" the second and the
# first: r_1 = (1 - 5/8) f_y = -27/64, r_2 = (1 - 3/8) r_1 = -135/512, v = -(576 + 216 + 135)/2048;
# "cross" the second: h = 1/8 - (3/2)(927/2048) = -2269/4096, x = 1/2 + 2269/8192 = 6365/8192.
# "lower" the first: g_y = 9/8 - 1/4 - 1/4 = 5/8, y = 3/4 - 5/32 = 19/32.
CASES["mrbo, two samples"] = Case(
    "mrbo",
    traces.mrbo,
    HIGH,
    None,
    STORM | {"draws": drawn},
    (
        fractions("6365/8192", "19/32", "-2269/4096"),
        fractions("22555/32768", "44509/81920", "2905/16384"),
        fractions("86847567/167772160", "310477/655360", "28634033/83886080"),
    ),
)
RANDOM = STORM | {"neumann_steps": 3, "neumann_lr": F(1, 3)}
# f_y = -1/4, P = 1: v = (1/3) f_y = -1/12, h = 1/4 - 1/12 = 1/6, x = 1/2 - 1/12. y = 3/4 - 1/4.
CASES["sustain, Q = 3"] = Case(
    "sustain",
    traces.sustain,
    HIGH,
    fractions("3/8", "2"),
    RANDOM | {"lr_x": lambda k: F(1, k + 2), "powers": lambda k: (1, 2, 0)[k]},
    (
        fractions("5/12", "1/2", "1/6"),
        fractions("3/8", "23/60", "1/8"),
        fractions("413/960", "229/720", "-53/240"),
    ),
)
# v = (1/3)(-9/8) = -3/8, h = 1/8 - (3/2)(3/8) = -7/16, x = 1/2 + 7/32. y as in "mrbo, two samples".
CASES["sustain, two samples"] = Case(
    "sustain",
    traces.sustain,
    HIGH,
    None,
    RANDOM | {"neumann_steps": 1, "powers": lambda k: 0, "draws": drawn},
    (
        fractions("23/32", "19/32", "-7/16"),
        fractions("81/128", "43/80", "11/64"),
        fractions("7343/15360", "1181/2560", "2377/7680"),
    ),
)
SPIDER = {
    "inner_steps": 2,
    "period": 2,
    "refresh_batches": 2,
    "neumann_steps": 2,
    "neumann_lr": F(1, 4),
    "lr_y": lambda k: F(1, k + 4),
    "lr_x": F(1, 2),
}
# v_0 = -13/32 and x = 45/64 as with MRBO. The lower steps are gradient steps at the new x,
# y - 45/128 halves twice: 45/128 - (109/128)/4 = 71/512. v goes on as h(45/64, 71/512), the second
# direction, 45/128 - (7/16)(441/512) = -207/8192, whether it is refreshed or not.
CASES["vrbo, period 2"] = Case(
    "vrbo",
    traces.vrbo,
    START,
    None,
    SPIDER,
    (
        fractions("45/64", "71/512", "-13/32"),
        fractions("11727/16384", "14283/51200", "-207/8192"),
        fractions("142243/204800", "1168271/3686400", "8689/204800"),
    ),
)
CASES["vrbo, period 1"] = Case(
    "vrbo",
    traces.vrbo,
    START,
    None,
    SPIDER | {"period": 1},
    (
        fractions("45/64", "71/512", "-13/32"),
        fractions("11727/16384", "14283/51200", "-207/8192"),
        fractions("142243/204800", "1168271/3686400", "8689/204800"),
    ),
)
# "fresh upper" gives the first sample and then the second, f_y = -9/8 and 5/8, "fresh cross" the
# second twice, "fresh linear" second, first and first, second: v = -927/2048 and 595/2048,
# h = 1/8 - 2781/4096 and 3/8 + 1785/4096, their mean 263/2048, x = 1/2 - 263/4096.
CASES["vrbo, two samples"] = Case(
    "vrbo",
    traces.vrbo,
    HIGH,
    None,
    SPIDER | {"draws": drawn},
    (
        fractions("1785/4096", "126629/262144", "263/2048"),
        fractions("258238855/536870912", "952690513/2147483648", "-24275335/268435456"),
        fractions(
            "913531103901/2199023255552",
            "26327583724967/105553116266496",
            "144215246179/1099511627776",
        ),
    ),
)
THIRDS = (BLOCKS, fractions("1/3", "1/3", "1/3"))
SAGA = {
    "lr_y": F(1, 4),
    "lr_v": F(1, 6),
    "lr_x": F(1, 2),
    "lower": THIRDS,
    "upper": THIRDS,
    "drawn": lambda k: ((0, 1), (2, 0), (0, 1))[k],
}
# Empty tables: the first step is SOBA's with the lower block 0 and the upper block 1.
# g_y = -3/4 - 1/4 - 1/4 = -5/4, f_y = -3/2, f_x = 1/4: y = -3/16, v = 1/4, x = 3/8.
CASES["saba"] = Case(
    "saba",
    traces.saba,
    START,
    None,
    SAGA,
    (
        fractions("3/8", "-3/16", "1/4", "1/4"),
        fractions("79/192", "1/384", "-7/96", "95/192"),
        fractions("13/24", "-197/3072", "-25/96", "163/384"),
    ),
)
# Full tables: the first step is exact, as of SOBA on Q1: D_y = -3/2, D_v = -3/2, D_x = 1/4.
CASES["saba, full"] = Case(
    "saba",
    traces.saba,
    START,
    fractions("9/20", "2"),
    SAGA | {"initial_memory": "full"},
    (
        fractions("9/20", "-1/8", "1/4", "1/4"),
        fractions("73/160", "1/320", "-1/80", "35/96"),
        fractions("229/480", "781/7680", "-1/24", "71/180"),
    ),
)
