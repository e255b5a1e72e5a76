"""From what a caller gives to the canonical value, or a sentence that says what is wrong.

A check returns what callers keep. Import `values` (numbers, flags, names), `arrays` (vectors),
`points` (samples, where a point lies), `data` (matrices with labels or targets), `labels`,
`calls` and `caller`; the other files serve these.
"""
