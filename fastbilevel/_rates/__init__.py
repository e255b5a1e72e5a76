"""How fast each kernel is on this machine, and against which limit.

Import `measure`; the cases serve it.
"""
