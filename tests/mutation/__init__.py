"""Small bugs in the Python side: which of them do the tests catch? See `python_mutants.py`."""
