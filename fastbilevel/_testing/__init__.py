"""Comparisons behind `fastbilevel.testing.check_problem`.

Import any module; nothing but `fastbilevel.testing` does.
"""
