"""Each lane can fail: a bug for each. `make mutants` seeds all of them."""

from __future__ import annotations

import pytest
from emulator.mutants import MUTANTS, copies, try_out

CAUGHT = {
    "plain": "mask without half of the warp",
    "address": "write past the end of an array",
    "thread": "missing barrier that no order shows",
}


@pytest.mark.slow
@pytest.mark.parametrize("lane", CAUGHT)
def test_a_lane_catches_its_bug(lane):
    (mutant,) = (m for m in MUTANTS if m.kind == CAUGHT[lane])
    with copies(1) as free:
        caught, what, _ = try_out(mutant._replace(lanes=(lane,)), free)
    assert caught == lane
    assert {"plain": "mask", "address": "", "thread": "data race: momentum.cu"}[lane] in what


def test_every_bug_can_be_seeded():
    with copies(1) as free:
        copy = free.get()
        for mutant in MUTANTS:
            assert mutant.old in (copy / mutant.file).read_text(), mutant.kind
    kinds = [mutant.kind for mutant in MUTANTS]
    assert len(set(kinds)) == len(kinds) >= 25
