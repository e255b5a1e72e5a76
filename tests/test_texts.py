"""Algorithm texts keep to the small language that every backend can run."""

import ast
import inspect
import textwrap

import numpy as np
import pytest
from numba.core import event
from small_problems import every_problem

import fastbilevel as fb
from fastbilevel._oracles import binding, linear_solvers
from fastbilevel._texts.compile import Part, texts_of
from fastbilevel._texts.plan import Plan
from fastbilevel._texts.samplers import key_of
from fastbilevel.methods import METHODS
from fastbilevel.problems import base

ALLOWED = (
    ast.FunctionDef,
    ast.arguments,
    ast.arg,
    ast.For,
    ast.If,
    ast.IfExp,
    ast.Return,
    ast.Assign,
    ast.AugAssign,
    ast.Expr,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Attribute,
    ast.Constant,
    ast.Tuple,
    ast.Subscript,
    ast.Slice,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.BoolOp,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
)


def chunk_makers():
    for cls in METHODS.values():
        make, *_ = cls().chunk_text()
        yield pytest.param(make, id=f"{cls.__name__}.{make.__name__}")


def some_plan(method) -> Plan:
    return method.plan(fb.problems.Quadratic.random(), key_of(0), 1)


def oracle_makers():
    softmax = small_problem().fused_texts(some_plan(fb.SOBA()))
    texts = {f"softmax.{name}": text for name, text in softmax.items()}
    texts |= {name: (made.make,) for name, made in binding.COMPOSITIONS.items()}
    texts |= texts_of(linear_solvers.make_solvers)
    texts["hypergradient"] = (linear_solvers.make_hypergradient,)
    texts["zero product"] = (base.make_zero_product,)
    for name, make_problem in every_problem().items():
        texts |= {f"{name}.{each}": text for each, text in make_problem().texts().items()}
    for name, (make, *_) in texts.items():
        yield pytest.param(make, id=name)


def small_problem():
    y = np.array([0, 1, 0, 1])
    return fb.problems.LearnToRegularize(np.eye(4), y, -np.eye(4), y)


def inner_function(make):
    """The text of a maker that holds one, or the one that a `Part` names."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(make, "make", make))))
    (maker,) = tree.body
    texts = {node.name: node for node in maker.body if isinstance(node, ast.FunctionDef)}
    if isinstance(make, Part):
        return texts.get(make.name) or inner_function(base.make_zero)
    assert len(texts) == 1, "a maker holds one text, or returns all of them by name"
    return next(iter(texts.values()))


@pytest.mark.parametrize("make", [*chunk_makers(), *oracle_makers()])
def test_only_loops_scalars_slices_and_calls(make):
    for node in ast.walk(inner_function(make)):
        assert isinstance(node, ALLOWED), f"{type(node).__name__} in line {node.lineno}"
        if isinstance(node, ast.For):
            assert isinstance(node.iter, ast.Call)
            assert node.iter.func.id == "range"


# What texts are given as records; `data` and `work` of a composed oracle too.
RECORDS = {"oracles", "samplers", "state", "memory", "domain", "schedules", "fixed", "data", "work"}


@pytest.mark.parametrize("make", [*chunk_makers(), *oracle_makers()])
def test_records_are_read_by_name(make):
    """A record is never taken apart or looked into by place: two of its fields may be swapped."""
    text = inner_function(make)
    assert RECORDS & {a.arg for a in text.args.args}
    for node in ast.walk(text):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            shape = getattr(node.value, "attr", "") == "shape"
            assert shape or isinstance(node.value, ast.Tuple | ast.Call), f"line {node.lineno}"
        if isinstance(node, ast.Subscript):
            assert getattr(node.value, "id", "") not in RECORDS, f"line {node.lineno}"


@pytest.mark.parametrize("make", list(chunk_makers()))
def test_fields_are_read_before_the_loop(make):
    """Reading one inside counts references up and down: half as long again for one variable."""
    text = inner_function(make)
    (loop,) = [node for node in text.body if isinstance(node, ast.For)]
    inside = {
        n.value.id for n in ast.walk(loop) if isinstance(n, ast.Attribute) and "id" in vars(n.value)
    }
    assert not inside & (RECORDS - {"data", "work"})


@pytest.mark.parametrize("make", list(chunk_makers()))
def test_an_outer_loop_never_reads_an_array_to_decide(make):
    """Branches of a chunk depend on constants of its closure only: no host waits for a device."""
    text = inner_function(make)
    local = {
        node.id
        for node in ast.walk(text)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } | {a.arg for a in text.args.args}
    for node in ast.walk(text):
        if isinstance(node, ast.If | ast.IfExp):
            names = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
            assert not names & local


def test_a_new_shape_of_data_compiles_nothing():
    def run(n_x, n_y):
        fb.minimize(fb.problems.Quadratic.random(n_x, n_y, n=9), batch_size=3, maxiter=2)

    run(3, 4)
    with event.install_recorder("numba:compile") as recorder:
        run(2, 6)
    assert recorder.buffer == []
