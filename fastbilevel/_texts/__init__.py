"""How an algorithm text is run: what it is given by name, which minibatches, how it is compiled.

Import `protocol`, `plan`, `samplers` and `compile`; no problem and no method is known here.
"""
