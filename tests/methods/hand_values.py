"""F2SA, F2BA, AccF2BA and BOME: options and the fractions that come out, first steps by hand.

mu = 2, a = 1/2: g_y = 2y - x, g_x = -y, f_y = y - 1, f_x = x/2.
Every option is a fraction of its own (lr_z is not lambda lr_y unless it is tied), and in each case
with bounds the projection of x acts in one step.
"""

from fractions import Fraction as F

from methods import hand_traces as traces
from methods.hand_case import Case, fractions

CASES: dict[str, Case] = {}
# lambda = 3, x = 1/2. z: -1/2 -> -1/2 + (3/2)/4 = -1/8 -> -1/8 + (3/4)/4 = 1/16.
# y: -1/2 -> -1/2 + 6/16 = -1/8 -> -1/8 + (27/8)/16 = 11/128.
# Phi = 1/4 + 3 (1/16 - 11/128) = 23/128, x = 1/2 - 23/128 = 41/128, projected on 3/8.
CASES["f2sa"] = Case(
    "f2sa",
    traces.f2sa,
    fractions("1/2", "-1/2"),
    fractions("3/8", "2"),
    {
        "inner_steps": 2,
        "lr_z": F(1, 4),
        "lr_y": F(1, 16),
        "lr_x": lambda k: F(1, k + 1),
        "penalty": F(3),
        "penalty_increment": lambda k: F(1, k + 1),
    },
    (
        fractions("3/8", "1/16", "11/128"),
        fractions("7387/16384", "5/32", "7899/32768"),
        fractions("12703919/25165824", "27281/131072", "1233943/4194304"),
    ),
)
# lambda = 2, lr_y = (1/3)/2. z - 3/8 shrinks to a third in each step: 3/8 - (1/8)/27 = 10/27.
# y <- y - (5y - 5/2)/6: 1/4 -> 11/24 -> 71/144 -> 431/864.
# Phi = 3/8 + 2 (10/27 - 431/864) = 17/144, x = 3/4 - 17/144 = 91/144.
CASES["f2sa, lr_y tied, penalty a schedule"] = Case(
    "f2sa",
    traces.f2sa,
    fractions("3/4", "1/4"),
    fractions("5/8", "2"),
    {
        "inner_steps": 3,
        "lr_z": lambda k: F(1, k + 3),
        "lr_x": F(1),
        "penalty": lambda k: 2 + F(k, 2),
        "penalty_increment": F(1, 2),
    },
    (
        fractions("91/144", "10/27", "431/864"),
        fractions("5/8", "2231/6912", "626833/1492992"),
        fractions("1880528867/2985984000", "10071/32000", "188255579/477757440"),
    ),
)
# z - 1/4 shrinks to a third: 1/4 - (3/4)/9 = 1/6. y <- y - (9y - 3)/16: -1/2 -> -1/32 -> 89/512.
# Phi = 1/4 + 4 (1/6 - 89/512) = 85/384, x = 1/2 - 85/384 = 107/384, projected on 3/8.
CASES["f2ba"] = Case(
    "f2ba",
    traces.f2ba,
    fractions("1/2", "-1/2"),
    fractions("3/8", "2"),
    {
        "inner_steps": 2,
        "lr_z": F(1, 3),
        "lr_y": F(1, 16),
        "lr_x": lambda k: F(1, k + 1),
        "penalty": F(4),
    },
    (
        fractions("3/8", "1/6", "89/512"),
        fractions("754931/1769472", "5/27", "33801/131072"),
        fractions("2845526083/6115295232", "836851/3981312", "265021739/905969664"),
    ),
)
# lr_z = 4/16: z - 1/2 halves: 1/2 + (1/2)/4 = 5/8. y <- y - (9y - 5)/16: 1 -> 3/4 -> 41/64.
# Phi = 1/2 + 4 (5/8 - 41/64) = 7/16, x = 1 - 7/16 = 9/16.
CASES["f2ba, lr_z tied"] = Case(
    "f2ba",
    traces.f2ba,
    fractions("1", "1"),
    fractions("1/2", "2"),
    {"inner_steps": 2, "lr_y": F(1, 16), "lr_x": F(1), "penalty": F(4)},
    (
        fractions("9/16", "5/8", "41/64"),
        fractions("1/2", "47/128", "6793/16384"),
        fractions("554041/1048576", "143/512", "1463353/4194304"),
    ),
)
ACCELERATED = {
    "inner_steps": 2,
    "lr_z": F(3, 16),
    "lr_y": F(1, 16),
    "lr_x": F(1),
    "penalty": F(4),
    "inner_momentum": F(1, 2),
    "outer_momentum": F(1, 4),
}
# w = 1. z: 1 -> v = 13/16, p = 13/16 - 3/32 = 23/32 -> v = 23/32 - (3/16)(7/16) = 163/256,
# p = 163/256 - 45/512 = 281/512 -> v = 281/512 - (3/16)(25/256) = 2173/4096.
# y: 1 -> v = 1 - 4/16 = 3/4, p = 3/4 - 1/8 = 5/8 -> v = 5/8 - (5/8)/16 = 75/128,
# p = 75/128 - 21/256 = 129/256 -> v = 129/256 + (119/256)/16 = 2183/4096.
# Phi = 1/2 + 4 (2173 - 2183)/4096 = 251/512, x = 1 - (3/4)(251/512) = 1295/2048.
# The next w, 1295/2048 - (1/4)(753/2048) = 4427/8192, is projected on 9/16 too.
CASES["acc-f2ba, bounds"] = Case(
    "acc-f2ba",
    traces.acc_f2ba,
    fractions("1", "1"),
    fractions("9/16", "2"),
    ACCELERATED | {"inner_steps": 3, "lr_x": F(3, 4)},
    (
        fractions("1295/2048", "2173/4096", "2183/4096"),
        fractions("9/16", "2486921/8388608", "23647417/67108864"),
        fractions(
            "648373979733/1099511627776", "4847791333/17179869184", "397534286343/1099511627776"
        ),
    ),
)
# w = 1, z rests at 1/2. y: 1/2 -> v = 17/32, p = 17/32 + 1/64 = 35/64 -> v = 35/64 + (5/64)/16.
# Phi = 1/2 + 4 (1/2 - 565/1024) = 75/256, x = 1 - (3/4)(75/256) = 799/1024.
# Squared moves 0.048 and 0.041: their sum is below B^2 = 4/25, twice their sum above.
CASES["acc-f2ba, restart after two steps"] = Case(
    "acc-f2ba",
    traces.acc_f2ba,
    fractions("1", "1/2"),
    None,
    ACCELERATED | {"lr_x": F(3, 4), "restart": fractions("2/5", "1/8")},
    (
        fractions("799/1024", "1/2", "565/1024"),
        fractions("605431/1048576", "419663/1048576", "115755/262144"),
        fractions("140021881/268435456", "85681493/268435456", "12508225/33554432"),
    ),
)
# As above, x = 1 - 75/256 = 181/256. Moves 0.293 and 0.192: the first is longer than B = 1/4, the
# second is not, but the two together or the second counted twice would be.
CASES["acc-f2ba, restart after one step"] = Case(
    "acc-f2ba",
    traces.acc_f2ba,
    fractions("1", "1/2"),
    None,
    ACCELERATED | {"restart": fractions("1/4", "1/100")},
    (
        fractions("181/256", "1/2", "565/1024"),
        fractions("67527/131072", "25793/65536", "227535/524288"),
        fractions("28909499/67108864", "37225639/134217728", "87683145/268435456"),
    ),
)
# The same first step. Moves 0.293 and 0.1918: both restart, the second because
# B = 0.192 has become 0.99 B = 0.190.
CASES["acc-f2ba, second restart because B has shrunk"] = Case(
    "acc-f2ba",
    traces.acc_f2ba,
    fractions("1", "1/2"),
    None,
    ACCELERATED | {"restart": fractions("24/125", "1/100")},
    (
        fractions("181/256", "1/2", "565/1024"),
        fractions("67527/131072", "25793/65536", "227535/524288"),
        fractions("31172549/67108864", "9891031/33554432", "93013885/268435456"),
    ),
)
# The first step is that of "restart after two steps"; B alone would restart after each.
CASES["acc-f2ba, no restart because of B0"] = Case(
    "acc-f2ba",
    traces.acc_f2ba,
    fractions("1", "1/2"),
    None,
    ACCELERATED | {"lr_x": F(3, 4), "restart": fractions("1/100", "2")},
    (
        fractions("799/1024", "1/2", "565/1024"),
        fractions("605431/1048576", "419663/1048576", "115755/262144"),
        fractions("517751269/1073741824", "322940687/1073741824", "188856115/536870912"),
    ),
)
# theta - 1/4 halves: 1/4 - (1/4)/4 = 3/16. dq = (3/16, -1/2), df = (1/4, -1), ||dq||^2 = 73/256,
# phi = 219/1024 < <df, dq> = 35/64: lambda = 0, x = 1/2 - 1/8 = 3/8, projected on 2/5, y = 1/2.
# In the two steps that follow lambda > 0.
CASES["bome, gradient"] = Case(
    "bome",
    traces.bome,
    fractions("1/2", "0"),
    fractions("2/5", "2"),
    {
        "inner_steps": 2,
        "lr_inner": F(1, 4),
        "lr": lambda k: F(1, k + 2),
        "eta": F(3, 4),
        "barrier": "gradient",
    },
    (
        fractions("2/5", "3/16", "1/2"),
        fractions("15859/35040", "11/40", "509/1460"),
        fractions("155108173/327413760", "24003/93440", "4150411/13642240"),
    ),
    "y",
)
# As above with q = 0 - (9/256 - 3/32) = 15/256, phi = 5/128 < 35/64.
CASES["bome, value"] = Case(
    "bome",
    traces.bome,
    fractions("1/2", "0"),
    fractions("2/5", "2"),
    {
        "inner_steps": 2,
        "lr_inner": F(1, 4),
        "lr": lambda k: F(1, k + 2),
        "eta": F(2, 3),
        "barrier": "value",
    },
    (
        fractions("2/5", "3/16", "1/2"),
        fractions("1781/4380", "11/40", "172/365"),
        fractions("2109781/5115840", "3157/11680", "57869/127896"),
    ),
    "y",
)
