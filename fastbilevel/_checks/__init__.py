"""From what a caller gives to the canonical value, or a sentence that says what is wrong.

Import `values` (numbers, vectors, names), `data` (matrices with labels), `targets`, `labels` and
`caller`; the other files serve `data`.
"""
