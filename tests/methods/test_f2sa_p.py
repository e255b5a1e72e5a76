"""F2SA-p against closed forms, hand-computed iterates and its own equivalences."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel._run.engine import Run
from fastbilevel._texts.samplers import key_of


def scalar_problem(mu=1.0, a=1.0):
    """Q1: g = mu y^2/2 - x y, f = (y - 1)^2/2 - 1/2 + a x^2/2."""
    return fb.problems.Quadratic([[mu]], [[1.0]], [[1.0]], c=[-1.0], R=[[a]])


def remainder(order, mu, nu):
    """PI_p = product over the offsets j != 0 of j nu / (mu + j nu)."""
    offsets, _ = fb.finite_difference_coefficients(order)
    j = offsets[offsets != 0].astype(float)
    return np.prod(j * nu / (mu + j * nu))


@pytest.mark.parametrize("order", range(1, 11))
@pytest.mark.parametrize(("mu", "a"), [(1.0, 1.0), (2.0, 0.5)])
def test_fixed_point_is_the_closed_form(order, mu, a):
    nu = 0.1
    result = fb.minimize(
        scalar_problem(mu, a),
        order=order,
        nu=nu,
        inner_steps=150,
        lr_y=0.4 / mu,
        lr_x=0.3,
        normalize=False,
        maxiter=300,
        tol=1e-13,
    )
    expected = mu / (1 + a * mu**2 / (1 - remainder(order, mu, nu)))
    assert result.status == fb.Status.CONVERGED
    np.testing.assert_allclose(result.x_last, expected, rtol=1e-12)


def test_first_steps_are_those_computed_by_hand():
    """p = 2, mu = a = 1, nu = 1/2, one inner step of 1/2, x step 1/10, from zero.

    y_j <- y_j - (y_j - x + j (y_j - 1)/2)/2:
    step 1, x = 0: y_1 = 1/4, y_-1 = -1/4; Phi = x + (1/2)(-y_1 + y_-1)/nu = -1/2, x = 1/20.
    step 2: y_1 = 1/4 - (1/4 - 1/20 - 3/8)/2 = 27/80,
            y_-1 = -1/4 - (-1/4 - 1/20 + 5/8)/2 = -33/80;
            Phi = 1/20 - 60/80 = -7/10, x = 3/25.
    """
    problem, seen = scalar_problem(), []
    fb.minimize(
        problem,
        nu=0.5,
        inner_steps=1,
        lr_y=0.5,
        lr_x=0.1,
        normalize=False,
        maxiter=2,
        record_every=1,
        callback=lambda intermediate_result: seen.append(intermediate_result),
    )
    np.testing.assert_allclose([r.x_last[0] for r in seen], [1 / 20, 3 / 25], rtol=1e-14)
    np.testing.assert_allclose([r.jac[0] for r in seen], [-1 / 2, -7 / 10], rtol=1e-14)
    np.testing.assert_allclose([r.y_last[0] for r in seen], [0.0, -3 / 80], atol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_each_lower_iterate_converges_to_its_own_perturbed_solution(order):
    """Fails if a y-gradient is taken at another offset's iterate, as in the published script."""
    problem = fb.problems.Quadratic.random(4, 6, seed=2)
    method = fb.F2SAp(order=order, nu=0.1, inner_steps=400, lr_y=0.4)
    x = np.random.default_rng(0).standard_normal(4)
    run = Run(problem, method, key_of(0), x, np.zeros(6), None, 1)
    run.advance(1)
    offsets = method.stencil()[0]
    iterates = run.state.Y.reshape(*offsets.shape, 6)
    for group, js in zip(iterates, offsets, strict=True):
        for y, j in zip(group, js, strict=True):
            np.testing.assert_allclose(y, problem.lower_solution(x, j * 0.1), rtol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_direction_is_the_hypergradient_up_to_the_bias(order):
    problem = fb.problems.Quadratic.random(4, 6, seed=3)
    x = np.random.default_rng(1).standard_normal(4)
    errors = []
    for nu in (0.1, 0.05):
        method = fb.F2SAp(order=order, nu=nu, inner_steps=600, lr_y=0.4)
        run = Run(problem, method, key_of(0), x, np.zeros(6), None, 1)
        run.advance(1)
        errors.append(np.linalg.norm(run.state.phi - problem.hypergradient(x)))
    slope = np.log2(errors[0] / errors[1])
    assert abs(slope - order) < 0.15


@pytest.mark.parametrize("options", [{}, {"order": 3}, {"momentum": 0.5}, {"recenter": True}])
@pytest.mark.parametrize("sampling", ["blocks", "replacement", "epochs"])
def test_compiled_interpreted_and_reference_texts_agree(monkeypatch, options, sampling):
    def iterates(**overrides):
        problem = fb.problems.Quadratic.random(3, 4, n=12)
        for name, value in overrides.items():
            monkeypatch.setattr(problem, name, value)
        result = fb.minimize(
            problem,
            batch_size=5,
            val_batch_size=4,
            sampling=sampling,
            lr_y=0.3,
            maxiter=7,
            seed=4,
            **options,
        )
        return np.concatenate([result.x_last, result.y_last])

    import fastbilevel.kernels.reference as reference

    compiled = iterates()
    np.testing.assert_allclose(iterates(compiled=False), compiled, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(iterates(kernels=reference), compiled, rtol=1e-12, atol=1e-14)


def test_normalized_steps_have_the_length_of_lr_x():
    problem, points = fb.problems.Quadratic.random(5, 4), [np.zeros(5)]
    fb.minimize(
        problem,
        lr_x=0.03,
        maxiter=20,
        record_every=1,
        callback=lambda intermediate_result: points.append(intermediate_result.x_last),
    )
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(lengths, 0.03, rtol=1e-12)


def test_momentum_averages_the_estimates():
    problem, seen = fb.problems.Quadratic.random(3, 4), []
    options = {"lr_y": 0.3, "lr_x": 0.1, "normalize": False, "record_every": 1}
    for maxiter in (1, 2):
        seen.append(fb.minimize(problem, momentum=0.75, maxiter=maxiter, **options))
    first = fb.minimize(problem, maxiter=1, **options)
    np.testing.assert_allclose(seen[0].jac, 0.25 * first.jac, rtol=1e-14)
    # The second estimate, at the point that the first momentum step reached.
    run = Run(
        problem,
        fb.F2SAp(momentum=0.75, lr_y=0.3, lr_x=0.1, normalize=False),
        key_of(0),
        np.zeros(3),
        np.zeros(4),
        None,
        1,
    )
    run.advance(1)
    run.advance(1)
    np.testing.assert_allclose(seen[1].jac, 0.75 * seen[0].jac + 0.25 * run.state.phi, rtol=1e-13)


def test_recenter_has_no_effect_for_two_offsets_and_averages_more():
    problem = fb.problems.Quadratic.random(3, 4)
    options = {"lr_y": 0.3, "maxiter": 5}
    plain = fb.minimize(problem, **options)
    np.testing.assert_array_equal(
        fb.minimize(problem, recenter=True, **options).x_last, plain.x_last
    )
    four = fb.minimize(problem, order=4, **options)
    averaged = fb.minimize(problem, order=4, recenter=True, **options)
    assert not np.allclose(four.x_last, averaged.x_last, rtol=1e-6)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (2, {"f_x": 2 * 6, "f_y": 2 * 3 * 4, "g_x": 2 * 6, "g_y": 2 * 3 * 5}),
        (3, {"f_x": 3 * 6, "f_y": 3 * 3 * 4, "g_x": 4 * 6, "g_y": 4 * 3 * 5}),
    ],
)
def test_oracle_calls_follow_the_table(order, expected):
    """Algorithms 10: even p: pK F_y and G_y, pS F_x and G_x; odd p: p + 1 for those of g."""
    result = fb.minimize(
        fb.problems.Quadratic.random(3, 4, n=60),
        order=order,
        inner_steps=3,
        batch_size=5,
        val_batch_size=4,
        outer_batch_size=6,
        maxiter=7,
    )
    calls = {name: 7 * count for name, count in expected.items()}
    assert result.oracle_calls == {**calls, "hvp": 0, "jvp": 0}
    assert result.history["samples"][-1] == sum(calls.values())


def test_full_batch_equals_the_exact_gradients():
    stacked = fb.problems.Quadratic.random(3, 4, n=20, spread=0.3)
    mean = fb.problems.Quadratic(*(a.mean(axis=0) for a in _coefficients(stacked)))
    a, b = (fb.minimize(p, lr_y=0.3, maxiter=30) for p in (stacked, mean))
    np.testing.assert_allclose(a.x_last, b.x_last, rtol=1e-10)


def _coefficients(problem):
    return (problem._H, problem._B, problem._F, problem._c, problem._b, problem._R)


def test_schedules_replace_constants():
    problem = fb.problems.Quadratic.random(3, 4)
    plain = fb.minimize(problem, nu=0.1, lr_y=0.3, lr_x=0.05, maxiter=9)
    scheduled = fb.minimize(
        problem,
        nu=fb.schedules.Constant(0.1),
        lr_y=fb.schedules.Power(0.3, 0.0),
        lr_x=lambda k: 0.05,
        maxiter=9,
    )
    np.testing.assert_array_equal(plain.x_last, scheduled.x_last)
    decreasing = fb.minimize(problem, lr_x=fb.schedules.Geometric(0.5, 0.9), maxiter=300)
    assert np.linalg.norm(decreasing.x_last - problem.solution()) < 0.05


def test_independent_samples_draw_per_offset():
    problem = fb.problems.Quadratic.random(3, 4, n=30, spread=0.5)
    options = {"batch_size": 3, "val_batch_size": 3, "lr_y": 0.2, "maxiter": 5}
    ends = [
        fb.minimize(problem, shared_samples=shared, **options).x_last
        for shared in (True, "outer", False)
    ]
    assert not np.allclose(ends[0], ends[1])
    assert not np.allclose(ends[1], ends[2])
