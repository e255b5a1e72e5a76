"""Where the first-order methods end on Q1 and PL1, against closed forms.

Q1: g = mu y^2/2 - x y, f = (y - 1)^2/2 + a x^2/2. At rest the lower iterates solve their problems,
z = x/mu and, from y - 1 + lambda (mu y - x) = 0, y = (x + nu)/(mu + nu) with nu = 1/lambda. Then

    f_x + lambda (g_x(y) - g_x(z)) = a x + (z - y)/nu = a x + (x - mu)/(mu (mu + nu)),

which vanishes at x = mu/(1 + a mu (mu + nu)). Momentum, extrapolation and restarts move nothing at
rest. A proximal method rests where its centres coincide with its iterates, so that the proximal
terms vanish, and its x step is nu times the penalty gradient: the same point, with nu its sigma.

PL1: g = (y_1 - x)^2/2, f = (y_1 - 1)^2/2 + (y_2 - x)^2/2. The lower solutions are z = (x, any) and
y = ((x + nu)/(1 + nu), x); the penalty gradient is x - y_2 + (z_1 - y_1)/nu = (x - 1)/(1 + nu), so
every penalty method ends at x = 1, as the problem does, whatever nu is.
"""

import numpy as np
import pytest

import fastbilevel as fb

MU, A, NU = 2.0, 0.5, 0.1
PENALTY = {"penalty": 1 / NU, "lr_z": 0.35, "lr_y": 0.04}
PROXIMAL = {"nu": NU, "prox": 0.8, "smoothing": 0.75, "lr_y": 0.3}

# Options and outer iterations; the x step of the proximal methods carries a factor nu.
SETTINGS = {
    "f2sa": ({**PENALTY, "inner_steps": 20, "lr_x": 0.3}, 200),
    "f2ba": ({**PENALTY, "inner_steps": 20, "lr_x": 0.3}, 200),
    "acc-f2ba": (
        {
            **PENALTY,
            "inner_steps": 20,
            "lr_x": 0.3,
            "inner_momentum": 0.3,
            "outer_momentum": 0.5,
            "restart": (10.0, 0.1),
        },
        200,
    ),
    "f3sa": ({**PENALTY, "lr_x": 0.1, "momentum": 0.5}, 1200),
    "prox-f2sa": ({**PROXIMAL, "inner_steps": 10, "lr_x": 0.3 / NU}, 1200),
    "prox-f3sa": ({**PROXIMAL, "lr_x": 0.05 / NU, "momentum": 0.5}, 3000),
}
Y0 = [0.6, -0.3]
# PL1 is there because its lower solution is not unique, which is what the warning says.
on_pl1 = pytest.mark.filterwarnings("ignore:The lower objective is not strongly convex")


def scalar_problem():
    return fb.problems.Quadratic([[MU]], [[1.0]], [[1.0]], c=[-1.0], R=[[A]], x0=[-0.5], y0=[1.5])


def pl1():
    """Interpreted: the loops are those that Q1 has compiled, and compiling them again is slow."""
    problem = fb.problems.hard.PolyakLojasiewicz()
    problem.compiled = False
    return problem


def penalty_point(nu):
    return MU / (1 + A * MU * (MU + nu))


@pytest.mark.parametrize("method", SETTINGS)
def test_penalty_methods_end_at_the_penalty_point(method):
    options, maxiter = SETTINGS[method]
    result = fb.minimize(scalar_problem(), method=method, maxiter=maxiter, **options)
    x = penalty_point(NU)
    np.testing.assert_allclose(result.x_last, x, rtol=1e-12)
    np.testing.assert_allclose(result.y_last, x / MU, rtol=1e-12)
    np.testing.assert_allclose(result.jac, 0.0, atol=1e-11)


@pytest.mark.parametrize("method", ["prox-f2sa", "prox-f3sa"])
def test_proximal_methods_with_a_projected_lower_variable(method):
    """Y = [-1, c] with c between x/mu and (x + nu)/(mu + nu): y = c, z = x/mu and

    a x + (x/mu - c)/nu = 0, so x = c mu/(1 + a mu nu).
    """
    c = 0.25
    x = c * MU / (1 + A * MU * NU)
    assert x / MU < c < (x + NU) / (MU + NU)
    options, maxiter = SETTINGS[method]
    projected = {**options, "lr_x": 0.2 * options["lr_x"]}
    result = fb.minimize(
        scalar_problem(),
        y0=[0.1],
        method=method,
        maxiter=4 * maxiter,
        lower_projection=fb.projections.Box(-1.0, c),
        **projected,
    )
    np.testing.assert_allclose(result.x_last, x, rtol=1e-11)
    np.testing.assert_allclose(result.y_last, x / MU, rtol=1e-11)


@pytest.mark.parametrize("method", SETTINGS)
def test_penalty_gradient_of_q1_is_the_closed_form(method):
    """Bounds that pin x let the lower iterates settle; then jac is the penalty gradient at x."""
    options, maxiter = SETTINGS[method]
    x = -0.75
    result = fb.minimize(
        scalar_problem(), x0=[x], bounds=(x, x), method=method, maxiter=maxiter, **options
    )
    np.testing.assert_array_equal(result.x_last, [x])
    np.testing.assert_allclose(result.jac, A * x + (x - MU) / (MU * (MU + NU)), rtol=1e-11)


@on_pl1
@pytest.mark.parametrize("method", SETTINGS)
def test_penalty_methods_solve_pl1_exactly(method):
    options, maxiter = SETTINGS[method]
    problem = pl1()
    result = fb.minimize(problem, x0=[-0.5], y0=Y0, method=method, maxiter=maxiter, **options)
    np.testing.assert_allclose(result.x_last, 1.0, rtol=1e-10)
    np.testing.assert_allclose(result.y_last[0], 1.0, rtol=1e-10)
    # g does not contain the second coordinate, so the unperturbed iterate keeps it.
    assert result.y_last[1] == Y0[1]


@on_pl1
@pytest.mark.parametrize("nu", [0.5, 0.1])
@pytest.mark.parametrize("method", SETTINGS)
def test_penalty_gradient_of_pl1_is_the_closed_form(method, nu):
    options, maxiter = SETTINGS[method]
    options = {**options, **({"nu": nu} if "nu" in options else {"penalty": 1 / nu})}
    problem, x = pl1(), 3.0
    result = fb.minimize(
        problem, x0=[x], y0=Y0, bounds=(x, x), method=method, maxiter=maxiter, **options
    )
    np.testing.assert_allclose(result.jac, (x - 1) / (1 + nu), rtol=1e-10)


BARRIERS = pytest.mark.parametrize("barrier", ["gradient", "value"])


@BARRIERS
@pytest.mark.parametrize(("lr_inner", "inner_steps"), [(0.5, 1), (0.25, 2), (0.4, 3)])
def test_bome_ends_where_f_is_stationary_along_its_own_constraint(barrier, lr_inner, inner_steps):
    """On Q1 with e = y - x/mu the inner steps leave theta = x/mu + r e, r = (1 - alpha mu)^T.

    dq = e n with n = (-(1 - r), mu), so that the part of a step that does not shrink e is
    -<df, t> t for the unit vector t along (mu, 1 - r). At rest e = 0 and <df, t> = 0, that is
    a x mu + (1 - r)(x/mu - 1) = 0, x = mu/(1 + a mu^2/(1 - r)). Exact inner solutions, r = 0, give
    the stationary point of phi, mu/(1 + a mu^2); with r > 0 it is another point, because theta is
    taken as a constant in dq. eta is small, so that e stays positive and shrinks last: lambda is
    of the order 1/e, and an e of the other sign makes it 0, which throws x off its rest.
    """
    r = (1 - lr_inner * MU) ** inner_steps
    x = MU / (1 + A * MU**2 / (1 - r))
    result = fb.minimize(
        scalar_problem(),
        method="bome",
        lr=0.5,
        lr_inner=lr_inner,
        inner_steps=inner_steps,
        eta=0.05 if barrier == "gradient" else 0.25,
        barrier=barrier,
        maxiter=250,
    )
    np.testing.assert_allclose(result.x_last, x, rtol=1e-5)
    np.testing.assert_allclose(result.y_last, x / MU, rtol=1e-5)


@on_pl1
@BARRIERS
def test_bome_solves_pl1(barrier):
    """There df vanishes at the solution x = 1, y = (1, 1), so the inner steps do not matter."""
    result = fb.minimize(
        pl1(),
        x0=[-0.5],
        y0=Y0,
        method="bome",
        lr=0.3,
        lr_inner=0.5,
        inner_steps=2,
        eta=0.5,
        barrier=barrier,
        maxiter=2000,
    )
    np.testing.assert_allclose(result.x_last, 1.0, rtol=1e-6)
    np.testing.assert_allclose(result.y_last, 1.0, rtol=1e-6)
