"""Seeds and samplers: from what the caller asks for to the records that `k.draw` reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastbilevel._checks.values import check_seed
from fastbilevel._texts.protocol import SamplerArrays
from fastbilevel.kernels.reference.draw import BLOCKS, EPOCHS, MASK, REPLACEMENT, philox, uniform

MODES = {"blocks": BLOCKS, "replacement": REPLACEMENT, "epochs": EPOCHS}

# One number per kind of draw keeps their random numbers apart.
LOWER, UPPER, OUTER_LOWER, OUTER_UPPER, LINEAR, TRUNCATION = range(6)


def key_of(seed: Any, name: str = "seed") -> tuple[int, int]:
    """The 64-bit key of `seed`, as two words of 32 bits.

    Parameters
    ----------
    seed : int, numpy.random.SeedSequence, numpy.random.Generator or None
        None takes fresh entropy; a Generator is advanced by one draw.
    name : str
        What the caller knows it by.

    Returns
    -------
    tuple of two int
    """
    seed = check_seed(name, seed)
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(0, 2**63))
    if not isinstance(seed, np.random.SeedSequence):
        seed = np.random.SeedSequence(seed)
    words = seed.generate_state(2, np.uint32)
    return int(words[0]), int(words[1])


@dataclass(frozen=True)
class Sampler:
    """How the minibatches of one stream are drawn.

    Attributes
    ----------
    n : int
        Rows to draw from.
    batch : int
        Rows of a minibatch; 0 stands for the exact expectation of a problem with infinitely many
        samples.
    mode : int
        `BLOCKS`, `REPLACEMENT` or `EPOCHS`.
    stream : int
        `LOWER`, `UPPER`, `OUTER_LOWER`, `OUTER_UPPER` or `LINEAR`.
    key : tuple of two int
    order : (n,) int64 array
        Row numbers in the order in which blocks are cut; empty where blocks are not used.
    shuffled : bool
        Whether this is a random one.
    """

    n: int
    batch: int
    mode: int
    stream: int
    key: tuple[int, int]
    order: np.ndarray
    shuffled: bool = False

    @property
    def cut(self) -> tuple[Any, ...]:
        """What the order depends on."""
        return self.key, self.stream & 1, self.shuffled

    def arrays(self) -> SamplerArrays:
        """What `k.draw.draw_batch` takes, with a scratch buffer of its own."""
        return SamplerArrays(
            order=self.order,
            buffer=np.empty(0 if self.mode == BLOCKS else self.batch, np.int64),
            mode=self.mode,
            n=self.n,
            batch=self.batch,
            stream=self.stream,
            k0=self.key[0],
            k1=self.key[1],
        )

    def blocks(self) -> list[np.ndarray]:
        """Rows of the fixed blocks, by number; one without rows for an expectation."""
        starts = range(0, max(1, self.order.size), max(1, self.batch))
        return [self.order[start : start + self.batch] for start in starts]

    def rows_drawn(self, numbers: np.ndarray, offset: int) -> int:
        """Samples in the minibatches of these `numbers`; an exact expectation counts as one.

        Parameters
        ----------
        numbers : (k,) int64 array
            Steps of `k.draw.draw_batch`.
        offset : int
            As there.
        """
        shorter = self.n % self.batch if self.batch else 0
        if self.mode != BLOCKS or not shorter:
            return numbers.size * max(1, self.batch)
        # As in `draw_index`, for all numbers at once: a block is drawn by its first position.
        steps = numbers.astype(np.uint64)
        words = philox(
            0, steps & MASK, (steps >> 32) & MASK, (self.stream << 16) | offset, *self.key
        )
        positions = np.minimum((uniform(words[0], words[1]) * self.n).astype(int), self.n - 1)
        last = int(np.count_nonzero(positions >= self.n - shorter))
        return numbers.size * self.batch - last * (self.batch - shorter)


def make_sampler(
    n: int,
    batch: int | None,
    sampling: str,
    stream: int,
    key: tuple[int, int],
    infinite: bool,
    keep: Callable[..., np.ndarray] | None = None,
) -> Sampler:
    """A sampler over `n` rows; ``batch=None`` takes all of them every time.

    Parameters
    ----------
    n : int
        Rows of the level.
    batch : int or None
        Rows of a minibatch, validated by the caller.
    sampling : {"blocks", "replacement", "epochs"}
    stream : int
        Which kind of draw.
    key : tuple of two int
        From `key_of`.
    infinite : bool
        The level has infinitely many samples: no order is kept, and all of them means expectation.
    keep : callable, optional
        The `keep` of a problem, with which the order is made once.
    """
    nothing = np.empty(0, np.int64)
    if batch is None:
        if infinite:
            return Sampler(n, 0, REPLACEMENT, stream, key, nothing)
        return Sampler(n, n, BLOCKS, stream, key, np.arange(n, dtype=np.int64))
    mode = REPLACEMENT if infinite else MODES[sampling]
    if mode != BLOCKS:
        return Sampler(n, batch, mode, stream, key, nothing)
    # Inner and outer draws cut the same shuffled order, so one copy of the data serves both.
    level = stream & 1

    def shuffle(latest: Any) -> np.ndarray:
        words = [key[0], (key[1] << 1) | level]
        return np.random.Generator(np.random.Philox(key=words)).permutation(n)

    order = keep(f"order {level}", (key, n), shuffle) if keep else shuffle(None)
    return Sampler(n, batch, mode, stream, key, order, shuffled=True)
