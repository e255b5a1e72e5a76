"""Records by address: what compiled code reads is what Python sees."""

import os
from typing import Any, NamedTuple

import numpy as np
import pytest

from fastbilevel._texts.addresses import Address, Code, by_address, type_of, types_of
from fastbilevel._texts.compile import call_oracle, compile_text, passed_on, pointer_to, specialize
from fastbilevel.kernels import cpu

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled"
)


class Inner(NamedTuple):
    a: Any
    number: Any


class Outer(NamedTuple):
    x: Any
    inner: Any
    pair: Any
    nothing: Any
    flag: Any
    small: Any
    strided: Any


def record(dtype=np.float32):
    x = np.arange(6, dtype=dtype)
    inner = Inner(a=np.full((2, 3), 2.0), number=7)
    pair = (np.array([10, 20]), 0.25)
    strided = np.arange(12.0).reshape(3, 4)[:, ::2]
    return Outer(x, inner, pair, None, True, np.float32(0.5), strided)


def make_read(k):
    def read(given, out):
        numbers, half = given.pair
        out[0] = given.x[5]
        out[1] = given.inner.a[1, 2] * given.inner.number
        out[2] = numbers[1] + half + given.pair[0][0]
        out[3] = 1.0 if given.flag and given.nothing is None else 0.0
        out[4] = given.small
        out[5] = given.strided[2, 1]
        for i in range(given.x.size):
            given.x[i] += 1

    return read


def test_every_kind_of_field_is_read_and_arrays_are_written_in_place():
    given, out = record(), np.zeros(6)
    specialize(compile_text(make_read, cpu), (given, out))(given, out)
    assert out.tolist() == [5.0, 14.0, 30.25, 1.0, 0.5, 10.0]
    assert given.x.tolist() == [1, 2, 3, 4, 5, 6]


def make_pass(k):
    def pass_on(read, given, out):
        read(given, out)

    return pass_on


def test_a_text_that_passes_a_record_on_is_compiled_once_for_all_records():
    out = np.zeros(6)
    text = compile_text(make_pass, cpu)
    for dtype in (np.float32, np.float64):
        given = record(dtype)
        read = pointer_to(compile_text(make_read, cpu), (given, out))
        hidden = passed_on(given)
        specialize(text, (read, hidden, out))(read, hidden, out)
        assert given.x.tolist() == [1, 2, 3, 4, 5, 6]
    assert len(text.overloads) == 1


def test_interpreted_code_calls_it_too():
    given, out = record(), np.zeros(6)
    pointer_to(compile_text(make_read, cpu), (given, out))(given, out)
    assert out[0] == 5.0


def test_a_call_with_other_arguments_is_a_sentence():
    given, out = record(), np.zeros(6)
    read = pointer_to(compile_text(make_read, cpu), (given, out))
    text = compile_text(make_pass, cpu)
    with pytest.raises(TypeError, match=r"pass_on .* does not fit"):
        specialize(text, (read, given, np.zeros(6, np.float32)))
    with pytest.raises(TypeError, match="does not fit"):
        specialize(text, (read, out, out))


def test_a_field_that_is_not_there_is_a_sentence():
    with pytest.raises(TypeError, match="Unknown attribute 'pair'"):
        call_oracle(compile_text(make_read, cpu), (Inner(a=np.zeros(1), number=1), np.zeros(6)))


def test_what_no_word_can_hold_is_refused():
    with pytest.raises(TypeError, match="arrays, real numbers and tuples of them"):
        type_of(Inner(a="text", number=1))


def make_user(k):
    def user(given, out):
        (x, pair), number = given
        out[0] = x[0] + pair[1] + number

    return user


def make_taker(k):
    def taker(user, data, out):
        user(data.a, out)

    return taker


def test_functions_that_take_tuples_by_value_get_them():
    given, out = ((np.full(2, 3.0), (np.zeros(1), 4)), 5), np.zeros(1)
    user = pointer_to(compile_text(make_user, cpu), (given, out), by_value=True)
    data = Inner(a=given, number=0)
    specialize(compile_text(make_taker, cpu), (user, data, out))(user, data, out)
    assert out[0] == 12.0


def test_types_tell_what_kernels_must_be_compiled_for():
    x = np.zeros(3)
    frozen = x.view()
    frozen.flags.writeable = False
    kinds = [type_of(Inner(a=a, number=1)) for a in (x, frozen, x.astype("f4"), x[::2], x[:, None])]
    assert len(set(kinds)) == len(kinds)
    assert type_of(Inner(a=np.ones(9), number=2)) is kinds[0]
    assert types_of((x,)) == types_of((np.ones(5),))


def test_an_address_keeps_its_record():
    address = Address(record())
    assert by_address((address, 3)) == (address, 3)
    assert address.record.x.tolist() == [0, 1, 2, 3, 4, 5]
    assert isinstance(pointer_to(compile_text(make_read, cpu), (record(), np.zeros(6))), Code)
