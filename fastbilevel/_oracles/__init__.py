"""Oracles ready to be called by a text: bound to a problem, composed where it lacks one.

Import `binding`, and `linear_solvers` for the estimates that a method may ask for; `composed` and
`products` serve `binding`.
"""
