"""Random draws: Random123's known answers, laws of the draws, Numba against the NumPy text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import fastbilevel.kernels.cpu.draw as cpu
import fastbilevel.kernels.reference.draw as reference
from fastbilevel.kernels.reference.draw import BLOCKS, EPOCHS, REPLACEMENT

BOTH = pytest.mark.parametrize("k", [reference, cpu], ids=["reference", "cpu"])
KEY = (0xDEADBEEF, 0x12345678)
# All random numbers here are fixed by their keys, so a law that holds once holds always.
SIGNIFICANCE = 1e-3

words = st.integers(0, 2**32 - 1)
keys = st.tuples(words, words)


def sampler(mode, n, batch, *, stream=0, key=KEY, order=None):
    order = np.arange(n) if order is None and mode == BLOCKS else order
    order = np.empty(0, np.int64) if order is None else order
    buffer = np.full(0 if mode == BLOCKS else batch, -7, np.int64)
    return order, buffer, mode, n, batch, stream, *key


def draw(k, source, step, offset=0):
    """The minibatch as a list of its own, and its block."""
    rows, block = k.draw_batch(source, step, offset)
    assert rows.dtype == np.int64
    return rows.tolist(), int(block)


# -- Philox -----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_known_answers_of_random123(k, counter, key, expected):
    assert tuple(map(int, k.philox(*counter, *key))) == expected


@given(counter=st.tuples(words, words, words, words), key=keys)
def test_philox_twins(counter, key):
    assert tuple(map(int, cpu.philox(*counter, *key))) == reference.philox(*counter, *key)


@BOTH
def test_uniform_numbers_fill_the_unit_interval(k):
    top = np.uint64(2**32 - 1) if k is cpu else 2**32 - 1
    zero, half = type(top)(0), type(top)(2**31)
    assert k.uniform(zero, zero) == 0.0
    assert k.uniform(half, zero) == 0.5
    assert k.uniform(top, top) == 1.0 - 2.0**-53


# -- single indices ---------------------------------------------------------------------------


@given(
    position=st.integers(0, 2**31),
    step=st.integers(0, 2**45),
    stream=st.integers(0, 2**15 - 1),
    offset=st.integers(0, 2**14 - 1),
    n=st.one_of(st.integers(1, 100), st.integers(1, 2**53)),
    key=keys,
)
def test_index_twins(position, step, stream, offset, n, key):
    arguments = (position, step, stream, offset, n, *key)
    index = reference.draw_index(*arguments)
    assert 0 <= index < n
    assert cpu.draw_index(*arguments) == index


def uniform_draws(m, **changes):
    """m draws at successive positions, of a 30-bit integer, scaled to [0, 1)."""
    given = {"step": 5, "stream": 1, "offset": 0, "key": KEY, **changes}
    n = 2**30
    return np.array(
        [
            cpu.draw_index(i, given["step"], given["stream"], given["offset"], n, *given["key"]) / n
            for i in range(m)
        ]
    )


NEIGHBOURS = [
    {},
    {"step": 6},
    {"step": 5 + 2**32},
    {"stream": 0},
    {"stream": 3},
    {"offset": 1},
    {"offset": 2},
    {"key": (KEY[0] + 1, KEY[1])},
    {"key": (KEY[0], KEY[1] + 1)},
]


def test_steps_streams_offsets_and_keys_are_independent():
    m = 4000
    draws = np.array([uniform_draws(m, **changes) for changes in NEIGHBOURS])
    for row in draws:
        assert stats.kstest(row, "uniform").pvalue > SIGNIFICANCE
    correlation = np.corrcoef(draws)[np.triu_indices(len(draws), 1)]
    # 36 pairs: the largest of so many normal deviates stays below four.
    assert np.abs(correlation).max() < 4 / np.sqrt(m)
    # Also one position later, and even with odd positions, which share one counter.
    assert np.abs(np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]) < 4 / np.sqrt(m)
    assert np.abs(np.corrcoef(draws[0][::2], draws[0][1::2])[0, 1]) < 4 / np.sqrt(m / 2)


# -- permutations -----------------------------------------------------------------------------


@given(n=st.integers(1, 400), epoch=st.integers(0, 2**31), offset=st.integers(0, 99), key=keys)
def test_permutation_is_a_bijection(n, epoch, offset, key):
    images = [cpu.permute(i, n, epoch, 2, offset, *key) for i in range(n)]
    assert sorted(images) == list(range(n))


@given(
    n=st.integers(1, 2**40),
    data=st.data(),
    epoch=st.integers(0, 2**32 - 1),
    stream=st.integers(0, 3),
    key=keys,
)
def test_permutation_twins(n, data, epoch, stream, key):
    index = data.draw(st.integers(0, n - 1))
    image = reference.permute(index, n, epoch, stream, 1, *key)
    assert 0 <= image < n
    assert cpu.permute(index, n, epoch, stream, 1, *key) == image


def test_permutations_of_small_sets_are_uniform():
    # 24 permutations of four rows, over the epochs of one stream.
    epochs, names = 6000, {}
    for epoch in range(epochs):
        image = tuple(cpu.permute(i, 4, epoch, 0, 0, *KEY) for i in range(4))
        names[image] = names.get(image, 0) + 1
    assert len(names) == 24
    assert stats.chisquare(list(names.values())).pvalue > SIGNIFICANCE


def test_permutations_send_every_row_everywhere():
    n, epochs = 37, 4000
    counts = np.zeros((3, n))
    for epoch in range(epochs):
        for row, index in enumerate((0, 1, n - 1)):
            counts[row, cpu.permute(index, n, epoch, 1, 0, *KEY)] += 1
    for row in counts:
        assert stats.chisquare(row).pvalue > SIGNIFICANCE


# -- minibatches ------------------------------------------------------------------------------


@given(
    mode=st.sampled_from([BLOCKS, REPLACEMENT, EPOCHS]),
    n=st.integers(1, 60),
    data=st.data(),
    step=st.integers(0, 2**40),
    stream=st.integers(0, 3),
    offset=st.integers(0, 20),
    key=keys,
)
def test_batch_twins(mode, n, data, step, stream, offset, key):
    batch = data.draw(st.integers(0, n))
    order = np.random.default_rng(n).permutation(n) if mode == BLOCKS else None
    ours, theirs = (sampler(mode, n, batch, stream=stream, key=key, order=order) for _ in range(2))
    assert draw(cpu, ours, step, offset) == draw(reference, theirs, step, offset)
    np.testing.assert_array_equal(ours[1], theirs[1])


@BOTH
@pytest.mark.parametrize("mode", [BLOCKS, REPLACEMENT, EPOCHS])
def test_a_batch_is_a_function_of_its_arguments(k, mode):
    source = sampler(mode, 23, 4, order=np.random.default_rng(0).permutation(23))
    order = source[0].copy()
    forth = {(s, o): draw(k, source, s, o) for s in range(8) for o in range(3)}
    back = {(s, o): draw(k, source, s, o) for s in reversed(range(8)) for o in reversed(range(3))}
    assert forth == back
    np.testing.assert_array_equal(source[0], order)


@BOTH
@pytest.mark.parametrize("mode", [REPLACEMENT, EPOCHS])
def test_rows_lie_in_the_buffer_and_belong_to_no_block(k, mode):
    source = sampler(mode, 9, 5)
    rows, block = k.draw_batch(source, 3, 0)
    assert np.shares_memory(rows, source[1])
    assert rows.size == 5
    assert block == -1


@BOTH
@pytest.mark.parametrize("mode", [BLOCKS, REPLACEMENT, EPOCHS])
def test_a_batch_of_no_rows(k, mode):
    rows, block = draw(k, sampler(mode, 2**53, 0, order=np.empty(0, np.int64)), 1)
    assert (rows, block) == ([], -1)


@BOTH
def test_a_block_is_a_slice_of_the_order(k):
    order = np.random.default_rng(1).permutation(23)
    source = sampler(BLOCKS, 23, 5, order=order)
    for step in range(40):
        rows, block = k.draw_batch(source, step, 0)
        assert np.shares_memory(rows, order)
        np.testing.assert_array_equal(rows, order[5 * block : 5 * block + 5])
        assert rows.size == (3 if block == 4 else 5)


@BOTH
def test_a_block_of_all_rows_is_always_block_zero(k):
    order = np.arange(7)
    for step in range(5):
        assert draw(k, sampler(BLOCKS, 7, 7, order=order), step) == (list(range(7)), 0)


@pytest.mark.parametrize("offset", [0, 3])
def test_blocks_are_drawn_in_proportion_to_their_rows(offset):
    n, batch, draws = 103, 25, 20_000
    source = sampler(BLOCKS, n, batch)
    counts = np.bincount([draw(cpu, source, s, offset)[1] for s in range(draws)], minlength=5)
    expected = draws * np.array([25, 25, 25, 25, 3]) / n
    assert stats.chisquare(counts, expected).pvalue > SIGNIFICANCE


def test_replacement_is_uniform_and_rows_are_independent():
    n, batch, draws = 11, 6, 6000
    source = sampler(REPLACEMENT, n, batch)
    rows = np.array([draw(cpu, source, s)[0] for s in range(draws)])
    assert stats.chisquare(np.bincount(rows.ravel(), minlength=n)).pvalue > SIGNIFICANCE
    for first, second in ((0, 1), (1, 2), (0, 5)):
        pairs = np.bincount(rows[:, first] * n + rows[:, second], minlength=n * n)
        assert stats.chisquare(pairs).pvalue > SIGNIFICANCE


@pytest.mark.parametrize(("n", "batch"), [(12, 4), (13, 5), (7, 7), (9, 1), (10, 7)])
def test_every_epoch_covers_every_row_once(n, batch):
    source = sampler(EPOCHS, n, batch)
    steps = 5 * n
    stream = np.concatenate([draw(cpu, source, s)[0] for s in range(steps)])
    epochs = stream[: stream.size // n * n].reshape(-1, n)
    assert len(epochs) >= 5
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(n), (len(epochs), 1)))
    if n > 7:
        assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


@pytest.mark.parametrize("mode", [BLOCKS, REPLACEMENT, EPOCHS])
def test_offsets_and_streams_draw_apart(mode):
    def sequence(stream, offset):
        source = sampler(mode, 64, 4, stream=stream)
        return tuple(tuple(draw(cpu, source, s, offset)[0]) for s in range(20))

    sequences = {sequence(stream, offset) for stream in range(4) for offset in range(4)}
    assert len(sequences) == 16
