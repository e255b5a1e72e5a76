"""One call of `minimize`: arguments, the loop in chunks, records, callbacks, the result.

Import `minimize` and `result`; the other files serve `minimize`.
"""
