"""Double loops, GALET, AmIGO, SOBA, MA-SOBA: options, the fractions that come out, first steps.

mu = 2, a = 1/2: g_y = 2y - x, f_y = y - 1, f_x = x/2, H = 2, J = -1, so that h = x/2 + v. A step
is (x, y, d), or (x, y, d, v) where v goes on from step to step; d is the direction of x.
"""

from fractions import Fraction as F

from methods import second_order_traces as traces
from methods.hand_case import Case, fractions

CASES: dict[str, Case] = {}
START = fractions("1/2", "-1/2")
HIGH = fractions("1/2", "3/4")
DOUBLE = {
    "inner_steps": 2,
    "neumann_steps": 2,
    "neumann_lr": F(1, 4),
    "lr_y": F(1, 4),
    "lr_x": lambda k: F(1, k + 1),
}
# y - 1/4 halves twice: 1/4 - (3/4)/4 = 1/16. f_y = -15/16 and 1 - eta H = 1/2, so
# v = (1 + 1/2 + 1/4)/4 f_y = -105/256, h = 1/4 - 105/256 = -41/256, x = 1/2 + 41/256 = 169/256.
CASES["stocbio"] = Case(
    "stocbio",
    traces.stocbio,
    START,
    None,
    DOUBLE,
    (
        fractions("169/256", "1/16", "-41/256"),
        fractions("43011/65536", "539/2048", "253/32768"),
        fractions("5429611/8388608", "163529/524288", "227391/8388608"),
    ),
)
POWER = {
    "neumann_steps": 3,
    "neumann_lr": F(1, 3),
    "lr_y": lambda k: F(1, k + 4),
    "lr_x": F(1, 2),
    "powers": lambda k: (2, 0, 1)[k],
}
# Three lower steps: y - 1/4 shrinks by 1/2, 3/5, 2/3: 1/4 + (1/2)/5 = 7/20. 1 - eta H = 1/3, P = 2:
# v = 3 (1/3) (1/9) (-13/20) = -13/180, h = 1/4 - 13/180 = 8/45, x = 1/2 - 4/45 = 37/90, projected.
CASES["bsa, Q = 3"] = Case(
    "bsa",
    traces.bsa,
    HIGH,
    fractions("1/2", "2"),
    POWER | {"inner_steps": lambda k: 3 - k},
    (
        fractions("1/2", "7/20", "8/45"),
        fractions("147/200", "7/25", "-47/100"),
        fractions("3187/4800", "259/800", "341/2400"),
    ),
)
SINGLE = POWER | {"neumann_steps": 1, "powers": lambda k: 0, "lr_x": lambda k: F(1, k + 1)}
# One lower step, two, two, each time of length 1/4 and then 1/5: -1/2 + (3/2)/4 = -1/8.
# v = (1/3)(-9/8) = -3/8, h = 1/4 - 3/8, x = 1/2 + 1/8 = 5/8, projected on 3/5.
CASES["bsa, Q = 1"] = Case(
    "bsa",
    traces.bsa,
    START,
    fractions("-1", "3/5"),
    SINGLE,
    (
        fractions("3/5", "-1/8", "-1/8"),
        fractions("1411/2400", "69/400", "29/1200"),
        fractions("247289/432000", "12361/48000", "6691/144000"),
    ),
)
# 3/4 - 1/4 = 1/2. P = 1: v = (1/3)(-1/2) = -1/6, h = 1/4 - 1/6 = 1/12, x = 1/2 - 1/24 = 11/24.
CASES["ttsa, Q = 3"] = Case(
    "ttsa",
    traces.ttsa,
    HIGH,
    fractions("2/5", "2"),
    POWER | {"powers": lambda k: (1, 2, 0)[k]},
    (
        fractions("11/24", "1/2", "1/12"),
        fractions("2/5", "47/120", "349/2160"),
        fractions("229/360", "59/180", "-17/36"),
    ),
)
# Two steps of length 1/4: y = 1/16 as with stocBiO. v = (1/3)(-15/16), h = 1/4 - 5/16 = -1/16.
CASES["ttsa, Q = 1"] = Case(
    "ttsa",
    traces.ttsa,
    START,
    fractions("-1", "11/20"),
    SINGLE | {"inner_steps": 2},
    (
        fractions("11/20", "1/16", "-1/16"),
        fractions("6553/12000", "397/2000", "47/6000"),
        fractions("524417/972000", "51821/216000", "797/40500"),
    ),
)
# y = 1/16. v <- v + (1/4)(f_y - 2v) twice from 0, f_y = -15/16: -15/64 -> -15/64 - (15/32)/4 =
# -45/128. h = 1/4 - 45/128 = -13/128, x = 77/128, projected on 19/32.
CASES["galet"] = Case(
    "galet",
    traces.galet,
    START,
    fractions("-1", "19/32"),
    {
        "inner_steps": 2,
        "linear_steps": 2,
        "lr_y": F(1, 4),
        "lr_v": F(1, 8),
        "lr_x": lambda k: F(1, k + 1),
    },
    (
        fractions("19/32", "1/16", "-13/128"),
        fractions("2409/4096", "61/256", "23/2048"),
        fractions("152069/262144", "9179/32768", "6321/262144"),
    ),
)
# lr_v = 1/9, also later: 1/4 + (1/4)/3 = 1/3, f_y = -2/3. v + 1/3 shrinks by 1 - 4/9 three times:
# v = -1/3 + 125/2187 = -604/2187, h = 3/8 - 604/2187 = 1729/17496.
CASES["galet, lr_v from lr_y"] = Case(
    "galet",
    traces.galet,
    fractions("3/4", "1/4"),
    None,
    {"inner_steps": 1, "linear_steps": 3, "lr_y": lambda k: F(1, k + 3), "lr_x": F(1)},
    (
        fractions("11393/17496", "1/3", "1729/17496"),
        fractions("7695737/12754584", "23057/69984", "76220/1594323"),
        fractions("13576826347/23245229340", "81208607/255091680", "897308671/46490458680"),
    ),
)
# y = 1/16, f_y = -15/16. v: 0 -> -3/16 -> -3/16 - (15/16 - 3/8)/5 = -3/10, which goes on.
# h = 1/4 - 3/10 = -1/20, x = 1/2 + 1/20 = 11/20.
CASES["amigo"] = Case(
    "amigo",
    traces.amigo,
    START,
    None,
    {
        "inner_steps": 2,
        "linear_steps": 2,
        "lr_y": F(1, 4),
        "lr_v": lambda k: F(1, k + 5),
        "lr_x": lambda k: F(1, k + 1),
    },
    (
        fractions("11/20", "1/16", "-1/20", "-3/10"),
        fractions("451/768", "71/320", "-143/1920", "-671/1920"),
        fractions("28597/47040", "2823/10240", "-3893/62720", "-133853/376320"),
    ),
)
# D_y = -3/2, D_v = -3/2, D_x = 1/4: y = -1/8, v = 3/10, x = 1/2 - 1/4, projected on 3/10.
CASES["soba"] = Case(
    "soba",
    traces.soba,
    START,
    fractions("3/10", "2"),
    {"lr_y": F(1, 4), "lr_v": lambda k: F(1, k + 5), "lr_x": lambda k: F(1, k + 1)},
    (
        fractions("3/10", "-1/8", "1/4", "3/10"),
        fractions("3/8", "1/80", "-3/20", "31/80"),
        fractions("53/120", "1/10", "-1/5", "117/280"),
    ),
)
# D_y = -1/2, D_v = -3/4, D_x = 1/2, y and v with the step 1/3: y = 5/12, v = 1/4, x = 1 - 3/8.
CASES["soba, lr_v = lr_y"] = Case(
    "soba",
    traces.soba,
    fractions("1", "1/4"),
    None,
    {"lr_y": lambda k: F(1, k + 3), "lr_x": F(3, 4)},
    (
        fractions("5/8", "5/12", "1/2", "1/4"),
        fractions("37/64", "35/96", "1/16", "13/48"),
        fractions("289/512", "107/320", "7/384", "139/480"),
    ),
)
# h_0 = 0: x stays. y = -1/8, v = (1/5)(-3/2) = -3/10, h_1 = (2/3)(1/4) = 1/6.
CASES["ma-soba"] = Case(
    "ma-soba",
    traces.ma_soba,
    START,
    fractions("3/10", "2"),
    {
        "lr_y": F(1, 4),
        "lr_v": lambda k: F(1, k + 5),
        "lr_x": F(1),
        "momentum": lambda k: F(2, k + 3),
    },
    (
        fractions("1/2", "-1/8", "0", "-3/10"),
        fractions("1/3", "1/16", "1/6", "-31/80"),
        fractions("3/10", "11/96", "7/120", "-23/56"),
    ),
)
