"""The papers' schedules: their exponents, and that runs under them approach a solution."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel.schedules import Power, theory

K = 1_000_000


@pytest.fixture(scope="module")
def problem():
    return fb.problems.Quadratic.random(3, 4, n=50, spread=0.3)


def exponent(schedule):
    """-d log / d log k of a schedule, far out."""
    if not callable(schedule):
        return 0.0
    return float(-np.log(schedule(2 * K) / schedule(K)) / np.log((2 * K + 1) / (K + 1)))


@pytest.mark.parametrize(
    ("method", "noise", "a", "c"),
    [
        ("f2sa", "both", 5 / 7, 4 / 7),
        ("f2sa", "upper", 3 / 5, 2 / 5),
        ("f2sa", "none", 1 / 3, 0.0),
        ("f3sa", "both", 3 / 5, 2 / 5),
        ("f3sa", "upper", 1 / 2, 1 / 4),
        ("f3sa", "none", 1 / 3, 0.0),
    ],
)
def test_exponents_of_the_growing_penalty(problem, method, noise, a, c):
    options = theory(method, problem, noise)
    found = [exponent(options[name]) for name in ("lr_y", "lr_x", "lr_z", "penalty")]
    np.testing.assert_allclose(found, [a, a, c, c - a], atol=1e-9)
    k = 123
    np.testing.assert_allclose(
        options["penalty"](k), options["lr_z"](k) / (2 * options["lr_y"](k)), rtol=1e-12
    )
    if method == "f3sa":
        np.testing.assert_allclose(exponent(options["momentum"]), 2 * c, atol=1e-9)
        assert options["momentum"](0) == 1.0


@pytest.mark.parametrize(("noise", "c"), [("both", 4 / 3), ("upper", 2 / 3), ("none", 0.0)])
def test_exponents_of_prox_f2sa(problem, noise, c):
    options = theory("prox-f2sa", problem, noise)
    names = ("lr_y", "inner_steps", "outer_batches", "nu")
    found = [exponent(options[name]) for name in names]
    np.testing.assert_allclose(found, [c, -c, -c, 1 / 3], atol=1e-9)


@pytest.mark.parametrize(
    ("noise", "a", "s", "n"),
    [("both", 2 / 5, 1 / 5, 4 / 5), ("upper", 1 / 4, 1 / 4, 1 / 2), ("none", 0.0, 1 / 3, 0.0)],
)
def test_exponents_of_prox_f3sa(problem, noise, a, s, n):
    options = theory("prox-f3sa", problem, noise)
    found = [exponent(options[k]) for k in ("lr_x", "lr_y", "smoothing", "nu", "momentum")]
    np.testing.assert_allclose(found, [a, a, a, s, n], atol=1e-9)


def slope(quantity, eps=1e-4):
    """d log quantity / d log eps at small eps."""
    return np.log(quantity(eps) / quantity(10 * eps)) / np.log(1 / 10)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_f2sa_p_depends_on_eps_as_in_theorem_3_1(order):
    noisy = fb.problems.Quadratic(np.eye(1), np.eye(1), np.eye(1), c=[-1.0], noise=1.0)

    def option(name):
        return lambda eps: theory("f2sa-p", noisy, eps=eps, order=order)[name]

    p = order
    np.testing.assert_allclose(slope(option("nu")), 1 / p, atol=0.01)
    np.testing.assert_allclose(slope(option("lr_x")), 1.0, atol=0.01)
    np.testing.assert_allclose(slope(option("lr_y")), 2 + 2 / p, atol=0.01)
    np.testing.assert_allclose(slope(option("outer_batch_size")), -(2 + 2 / p), atol=0.01)
    # K has a logarithm on top, which is worth about 1 / log(1/eps).
    np.testing.assert_allclose(slope(option("inner_steps")), -(2 + 2 / p), atol=0.2)


def test_f2ba_depends_on_eps_as_in_the_paper():
    noisy = fb.problems.Quadratic(np.eye(1), np.eye(1), np.eye(1), c=[-1.0], noise=1.0)

    def option(name, noise):
        return lambda eps: theory("f2ba", noisy, noise, eps=eps)[name]

    np.testing.assert_allclose(slope(option("penalty", "none")), -1.0, atol=0.01)
    np.testing.assert_allclose(slope(option("lr_x", "none")), 0.0, atol=1e-12)
    np.testing.assert_allclose(slope(option("val_batch_size", "upper")), -2.0, atol=0.01)
    np.testing.assert_allclose(slope(option("batch_size", "both")), -4.0, atol=0.01)
    assert option("batch_size", "upper")(0.1) is None


@pytest.mark.parametrize(
    ("method", "of_y", "of_x", "of_weight"),
    [
        ("bsa", 1, 1 / 2, None),
        ("ttsa", 2 / 5, 3 / 5, None),
        ("mrbo", 1 / 3, 1 / 3, 2 / 3),
        ("sustain", 1 / 3, 1 / 3, 2 / 3),
        ("soba", 1 / 2, 1 / 2, None),
        ("ma-soba", 1 / 2, 1 / 2, 1 / 2),
        ("stocbio", 0, 0, None),
        ("amigo", 0, 0, None),
        ("saba", 0, 0, None),
    ],
)
def test_exponents_of_the_methods_with_second_derivatives(problem, method, of_y, of_x, of_weight):
    options = theory(method, problem)
    found = [exponent(options[name]) for name in ("lr_y", "lr_x")]
    np.testing.assert_allclose(found, [of_y, of_x], atol=1e-4)
    if of_weight is not None:
        np.testing.assert_allclose(exponent(options["momentum"]), of_weight, atol=1e-9)


@pytest.mark.parametrize("power", [2, 4])
def test_unibio_depends_on_eps_as_its_complexity_says(power):
    """T ~ 1 / (eps eta) iterations with K_t / I lower gradients each are eps**(6 - 5 p) in all."""
    problem = fb.problems.hard.UniformlyConvex(power)

    def option(name):
        return lambda eps: theory("unibio", problem, eps=eps)[name]

    np.testing.assert_allclose(slope(option("lr_x")), 3 * (power - 1), atol=1e-6)
    np.testing.assert_allclose(slope(option("lower_budget")), -2 * (power - 1), atol=1e-6)
    np.testing.assert_allclose(slope(option("period")), -2, atol=1e-6)
    np.testing.assert_allclose(slope(lambda eps: 1 - option("momentum")(eps)), 2, atol=1e-6)


def test_every_method_has_schedules_that_its_options_accept(problem):
    for method in fb.methods.list():
        options = theory(method, problem, "none")
        assert "lr_x" in options or method == "bome"
        fb.methods.resolve(method, options).check(problem)


@pytest.mark.parametrize(
    "method",
    [
        *("f2sa", "f3sa", "f2ba", "acc-f2ba", "f2sa-p", "prox-f2sa", "prox-f3sa", "bome"),
        *("stocbio", "soba"),
    ],
)
def test_a_run_with_the_schedules_of_exact_gradients_approaches_a_solution(problem, method):
    options = theory(method, problem, "none", eps=0.05)
    result = fb.minimize(problem, method=method, maxiter=20_000, record_every=20_000, **options)
    start, end = (np.linalg.norm(problem.hypergradient(x)) for x in (problem.x0, result.x_last))
    assert end < 0.15 * start


@pytest.mark.parametrize("method", ["f2sa", "f3sa", "prox-f3sa"])
def test_a_noisy_run_with_the_schedules_gets_better(problem, method):
    """The slowest rate, K**(-1/7) of F2SA, gives a factor of 0.44 from 100 to 30,000 iterations;
    far from its asymptote 0.75 is asked."""
    options = theory(method, problem, "both") | {"batch_size": 5, "val_batch_size": 5}
    gradients = []
    for maxiter in (100, 30_000):
        result = fb.minimize(
            problem, method=method, maxiter=maxiter, record_every=maxiter, **options
        )
        gradients.append(np.linalg.norm(problem.hypergradient(result.x_last)))
    assert gradients[1] < 0.75 * gradients[0]


def test_schedules_of_finite_sums_do_not_ask_for_more_rows_than_there_are(problem):
    for noise in ("both", "upper"):
        for method in ("f2ba", "f2sa-p"):
            options = theory(method, problem, noise, eps=1e-3)
            sizes = [options.get(n) for n in ("batch_size", "val_batch_size", "outer_batch_size")]
            assert all(size is None or 1 <= size < 50 for size in sizes)


@pytest.mark.parametrize("curvature", [3.0, -3.0])
def test_the_first_penalty_makes_the_perturbed_problem_convex(curvature):
    """lambda_0 >= 2 L_f / mu, also where f is concave in y; mu = 1."""
    problem = fb.problems.Quadratic(np.eye(1), np.eye(1), [[curvature]])
    assert theory("f2sa", problem)["penalty"](0) >= 2 * abs(curvature)


def test_f2sa_p_of_exact_gradients_takes_the_full_data(problem):
    options = theory("f2sa-p", problem, "none")
    assert options["outer_batch_size"] is None
    assert options["shared_samples"] == "outer"


def test_wrong_arguments_are_sentences(problem):
    with pytest.raises(ValueError, match="Did you mean"):
        theory("f2saa", problem)
    with pytest.raises(ValueError, match="noise must be one of both, upper, none"):
        theory("f2sa", problem, "lower")
    for method in ("acc-f2ba", "bome"):
        with pytest.raises(ValueError, match="deterministic"):
            theory(method, problem, "both")
    with pytest.raises(ValueError, match="eps must be positive"):
        theory("f2ba", problem, eps=0.0)
    with pytest.raises(ValueError, match="no positive curvature"):
        theory("f2sa", fb.problems.hard.Nasty())


def test_power_schedules_give_the_same_values_one_by_one_and_together():
    schedule = Power(0.3, 4 / 7)
    together = schedule(np.arange(1000))
    np.testing.assert_allclose(together, [schedule(k) for k in range(1000)], rtol=1e-15)
