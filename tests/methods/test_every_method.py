"""What holds for every method: one text for all backends, chunks, bounds, refusals."""

import dataclasses
import re

import numpy as np
import pytest
import scipy.sparse as sp

import fastbilevel as fb
import fastbilevel.kernels.reference as reference
from fastbilevel.problems.base import BilevelProblem

METHODS = fb.methods.list()
NEUMANN = {"neumann_steps": 3, "neumann_lr": 0.1}
# Options under which every factor of a method's text is in use.
BUSY = {
    "f2sa": {"lr_z": 0.2, "lr_y": 0.02, "penalty_increment": 0.1, "inner_steps": 3},
    "f3sa": {"lr_z": 0.2, "penalty": 5.0, "momentum": 0.4},
    "f2ba": {"lr_y": 0.03, "inner_steps": 3},
    "acc-f2ba": {"lr_z": 0.2, "inner_steps": 3, "restart": (0.05, 0.01)},
    "f2sa-p": {"order": 3, "momentum": 0.5, "recenter": True},
    "prox-f2sa": {
        "lr_y": 0.2,
        "lr_x": 0.5,
        "inner_steps": fb.schedules.Linear(1.0, 0.5),
        "outer_batches": fb.schedules.Power(1.0, -0.5),
        "lower_projection": (-0.5, 0.5),
    },
    "prox-f3sa": {"lr_y": 0.2, "lr_x": 0.5, "lower_projection": fb.projections.Ball(0.6)},
    "bome": {"lr_inner": 0.2, "inner_steps": 3, "barrier": "value"},
    "pbgd": {"lr_z": 0.2, "lr_y": 0.02, "penalty": 5.0, "inner_steps": 3},
    "galet": {"lr_y": 0.2, "lr_v": 0.03, "inner_steps": 3, "linear_steps": 2},
    "bsa": {"lr_y": fb.schedules.Power(0.4, 1, offset=2), **NEUMANN},
    "ttsa": {"lr_y": 0.2, **NEUMANN},
    "stocbio": {"lr_y": 0.2, "inner_steps": 3, **NEUMANN},
    "mrbo": {"lr_y": 0.2, "momentum": 0.3, "lower_momentum": 0.6, **NEUMANN},
    "vrbo": {"lr_y": 0.2, "inner_steps": 2, "refresh_batches": 2, **NEUMANN},
    "sustain": {"lr_y": 0.2, "momentum": 0.3, "lower_momentum": 0.6, **NEUMANN},
    "soba": {"lr_y": 0.2, "lr_v": 0.1},
    "saba": {"lr_y": 0.2, "lr_v": 0.1, "initial_memory": "full"},
    "ma-soba": {"lr_y": 0.2, "lr_v": 0.1, "momentum": 0.4},
    "amigo": {"lr_y": 0.2, "lr_v": 0.1, "inner_steps": 3, "linear_steps": 2},
    "unibio": {"lr_y": 0.2, "lower_budget": 10, "radius": 0.3, "power": 2.5, **NEUMANN},
    "bo-rep": {"lr_y": 0.2, "lower_budget": 3, "radius": 0.3, **NEUMANN},
}
BATCHES = {"batch_size": 5, "val_batch_size": 4, "maxiter": 9, "seed": 4}


def finite_sum():
    return fb.problems.Quadratic.random(3, 4, n=12)


def iterates(problem, method, **options):
    result = fb.minimize(problem, method=method, **{**BATCHES, **BUSY[method], **options})
    return np.concatenate([result.x_last, result.y_last, result.jac])


def test_every_method_is_here():
    assert set(BUSY) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sampling", ["blocks", "epochs"])
def test_compiled_interpreted_and_reference_texts_agree(monkeypatch, method, sampling):
    if method == "saba":
        sampling = "blocks"
    compiled = iterates(finite_sum(), method, sampling=sampling)
    for name, value in (("compiled", False), ("kernels", reference)):
        problem = finite_sum()
        monkeypatch.setattr(problem, name, value)
        other = iterates(problem, method, sampling=sampling)
        np.testing.assert_allclose(other, compiled, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_how_iterations_are_cut_into_chunks_changes_nothing(method):
    whole = iterates(finite_sum(), method, maxiter=20, record_every=20)
    np.testing.assert_array_equal(iterates(finite_sum(), method, maxiter=20, record_every=3), whole)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(method):
    one, again, other = (iterates(finite_sum(), method, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other, rtol=1e-6)


# A function as bounds is applied after the iteration, in which these have used the new x.
STEP_X_FIRST = ("acc-f2ba", "vrbo")
NORMALIZED = ("f2sa-p", "unibio", "bo-rep")
SETS = {
    "pair": (-0.02, 0.01),
    "ball": fb.projections.Ball(0.03, center=0.01),
    "simplex": fb.projections.Simplex(0.3),
    "nonnegative": fb.projections.NonNegative(),
    "function": lambda x: np.clip(x, -0.02, 0.01),
}


def inside(name, x):
    if name == "ball":
        return np.linalg.norm(x - 0.01) <= 0.03 * (1 + 1e-12)
    if name == "simplex":
        return (x >= 0).all() and abs(x.sum() - 0.3) <= 1e-12
    if name == "nonnegative":
        return (x >= 0).all()
    return (x >= -0.02).all() and (x <= 0.01).all()


@pytest.mark.filterwarnings("ignore:x0 lies outside")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SETS)
def test_bounds_hold_at_every_iterate_and_where_gradients_are_taken(method, name):
    base, seen, asked = finite_sum(), [], []

    def gradient(which):
        def oracle(data, x, y, rows):
            asked.append(x.copy())
            return getattr(base, which)(x, y, rows)

        return oracle

    def product(which):
        def oracle(data, x, y, v, rows):
            asked.append(x.copy())
            return getattr(base, which)(x, y, v, rows)

        return oracle

    names = ("grad_lower_y", "grad_upper_y", "grad_lower_x", "grad_upper_x")
    products = ("hvp_lower_yy", "jvp_lower_xy")
    problem = fb.problems.Problem(
        None,
        **{which: gradient(which) for which in names},
        **{which: product(which) for which in products},
        value_upper=lambda data, x, y, rows: base.value_upper(x, y, rows),
        value_lower=lambda data, x, y, rows: base.value_lower(x, y, rows),
        n_lower=base.n_lower, n_upper=base.n_upper, x0=np.zeros(3), y0=np.zeros(4),
    )  # fmt: skip
    options = {**BATCHES, **BUSY[method], "maxiter": 6, "record_every": 1, "lr_x": 0.3}
    if method == "bome":
        options["lr"] = options.pop("lr_x")
    if method in NORMALIZED:
        options["lr_x"] = 0.01
    if "hvp_lower_yy" in fb.methods.METHODS[method]().requires:
        options["lr_x"] = 0.01
    asked.clear()
    fb.minimize(
        problem, method=method, bounds=SETS[name],
        callback=lambda intermediate_result: seen.append(intermediate_result.x_last), **options,
    )  # fmt: skip
    assert len(seen) == 6
    assert all(inside(name, x) for x in seen)
    assert any(not np.array_equal(x, seen[0]) for x in seen), "x never moved"
    # The first oracle calls come before x0 is projected: they try out the caller's functions.
    taken = [x for x in asked if not np.array_equal(x, problem.x0)]
    if name != "function" or method not in STEP_X_FIRST:
        assert all(inside(name, x) for x in taken)


@pytest.mark.parametrize("method", METHODS)
def test_a_function_as_bounds_gives_the_iterates_of_the_box_it_describes(method):
    steps = {"bome": {"lr": 0.1}, "bo-rep": {"lr_x": 0.05}, "ma-soba": {"lr_x": 0.5}}.get(
        method, {}
    )
    box = iterates(finite_sum(), method, bounds=(-0.02, 0.5), **steps)
    free = iterates(finite_sum(), method, **steps)
    own = iterates(finite_sum(), method, bounds=lambda x: np.clip(x, -0.02, 0.5), **steps)
    if method not in STEP_X_FIRST:
        np.testing.assert_allclose(own, box, rtol=1e-13, atol=1e-16)
    assert not np.allclose(free, box)


@pytest.mark.parametrize("method", ["prox-f2sa", "prox-f3sa"])
def test_a_function_as_lower_projection_gives_the_iterates_of_the_box(method):
    box = iterates(finite_sum(), method, lower_projection=(-0.1, 0.3))
    own = iterates(finite_sum(), method, lower_projection=lambda y: np.clip(y, -0.1, 0.3))
    free = iterates(finite_sum(), method, lower_projection=None)
    np.testing.assert_allclose(own, box, rtol=1e-12, atol=1e-15)
    assert not np.allclose(free, box)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"prox-f2sa", "prox-f3sa"}))
def test_methods_without_lower_projection_refuse_a_bounded_lower_level(method):
    with pytest.raises(TypeError, match="cannot keep y inside the bounds"):
        fb.minimize(fb.problems.hard.Nasty(), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_that_diverges_says_so_and_keeps_a_finite_result(method):
    steps = {"lr_x": 1e150, "bounds": None}
    if method == "bome":
        steps = {"lr": 1e150}
    if method == "f2sa-p":
        steps["normalize"] = False
    if method in ("unibio", "bo-rep"):
        # x moves by the same length however large the estimate: y has to diverge.
        steps = {"lr_x": 1e300}
    with np.errstate(all="ignore"):
        result = fb.minimize(finite_sum(), method=method, maxiter=200, **steps)
    assert result.status == fb.Status.DIVERGED
    assert not result.success
    advised = set(re.findall(r"smaller (\w+)", result.message))
    known = {field.name for field in dataclasses.fields(fb.methods.METHODS[method])}
    assert advised <= known
    assert {name for name in known if name.startswith("lr") or name.endswith("_lr")} <= advised
    assert np.isfinite(result.fun)
    assert np.isfinite(result.x).all()


def softmax_data(sparse, dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 7)) * (rng.random((60, 7)) < 0.6)
    labels = rng.integers(0, 3, 60)
    X = X.astype(dtype)
    wrap = sp.csr_array if sparse else np.ascontiguousarray
    return wrap(X[:40]), labels[:40], wrap(X[40:]), labels[40:]


@pytest.mark.parametrize(
    ("method", "sparse"),
    # One method of each set of oracles; seconds of compiling each.
    [("f2sa", True), ("bome", True), ("f3sa", True), ("prox-f2sa", False), ("f2sa-p", False)],
)
def test_fused_and_composed_oracles_give_the_same_run(monkeypatch, method, sparse):
    """The second problem's fused oracles are composed of its simple ones."""
    dtype = np.float32 if sparse else np.float64
    cls = fb.problems.LearnToRegularize if sparse else fb.problems.HyperCleaning
    options = {"bounds": (-5, 5), "maxiter": 4}
    if method == "prox-f2sa":
        options |= {"lower_projection": None, "inner_steps": 4}
    if method == "f2sa-p":
        options |= {"shared_samples": False, "recenter": False}
    fused = iterates(cls(*softmax_data(sparse, dtype)), method, **options)
    plain = cls(*softmax_data(sparse, dtype))
    monkeypatch.setattr(plain, "fused_texts", BilevelProblem.fused_texts.__get__(plain))
    composed = iterates(plain, method, **options)
    tolerance = 3e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(composed, fused, rtol=tolerance, atol=tolerance)
