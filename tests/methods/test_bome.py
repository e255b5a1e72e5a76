"""BOME: the barrier inequality at every step, and both barriers on known problems."""

import numpy as np
import pytest

import fastbilevel as fb
from fastbilevel._run.engine import Run
from fastbilevel._texts.samplers import key_of


def problems():
    """The loops of the quadratic are compiled; the others' would be the same, compiled again."""
    yield "quadratic", fb.problems.Quadratic.random(3, 4, seed=1), {"lr_inner": 0.3}
    pl1 = fb.problems.hard.PolyakLojasiewicz()
    pl = fb.problems.hard.PolyakLojasiewicz.random(n_x=2, n_y=5, rank=3, seed=0)
    pl1.compiled = pl.compiled = False
    yield "PL1", pl1, {"lr_inner": 0.5}
    yield "PL", pl, {"lr_inner": 0.1}


@pytest.mark.parametrize("barrier", ["gradient", "value"])
@pytest.mark.parametrize("eta", [0.1, 0.9])
@pytest.mark.parametrize(("name", "problem", "options"), list(problems()))
def test_barrier_inequality_holds_at_every_step(name, problem, options, barrier, eta):
    """<dq, df + lam dq> >= phi, from the problem's own oracles; and the step is along that."""
    lr = 0.02
    method = fb.BOME(inner_steps=4, lr=lr, eta=eta, barrier=barrier, **options)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(problem.n_x), rng.standard_normal(problem.n_y)
    run = Run(problem, method, key_of(0), x, y, None, 1)
    active = 0
    for _ in range(60):
        theta = y.copy()
        for _ in range(4):
            theta -= options["lr_inner"] * problem.grad_lower_y(x, theta)
        dq = np.concatenate(
            [
                problem.grad_lower_x(x, y) - problem.grad_lower_x(x, theta),
                problem.grad_lower_y(x, y),
            ]
        )
        df = np.concatenate([problem.grad_upper_x(x, y), problem.grad_upper_y(x, y)])
        if barrier == "gradient":
            phi = eta * dq @ dq
        else:
            phi = eta * (problem.value_lower(x, y) - problem.value_lower(x, theta))
        run.advance(1)
        after = np.concatenate([run.state.x, run.lower_iterate()])
        direction = (np.concatenate([x, y]) - after) / lr
        size = np.linalg.norm(dq) * np.linalg.norm(direction)
        assert dq @ direction >= phi - 1e-9 * size
        lam = max((phi - df @ dq) / (dq @ dq), 0.0)
        active += lam > 0.0
        np.testing.assert_allclose(direction, df + lam * dq, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(run.norms, np.linalg.norm(direction), rtol=1e-7)
        x, y = run.state.x.copy(), run.lower_iterate()
    assert active > 10, "the barrier never mattered"


def test_a_barrier_by_value_needs_values():
    oracles = {
        name: (lambda data, x, y, rows: np.zeros(1))
        for name in ("grad_lower_y", "grad_upper_y", "grad_lower_x")
    }
    problem = fb.problems.Problem(
        None, **oracles, value_upper=lambda data, x, y, rows: 0.0,
        n_lower=1, n_upper=1, x0=np.zeros(1), y0=np.zeros(1),
    )  # fmt: skip
    with pytest.raises(TypeError, match="needs value_lower"):
        fb.minimize(problem, method="bome", barrier="value", lr_inner=0.1)
