"""All entry points with all kinds of bad input: a sentence that names the argument, or taken."""

import pytest
from bad_input import ENTRIES, KINDS, PAGE, answer, names_argument, page


def test_the_table_is_large_enough():
    assert len(ENTRIES) >= 25
    assert len(KINDS) >= 12


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_answer_names_the_argument(entry):
    bad = {}
    for kind in KINDS:
        said = answer(entry, kind)
        if not names_argument(entry, said):
            bad[kind] = said
    assert not bad


def test_the_page_says_what_is_answered():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/bad_input.py"
