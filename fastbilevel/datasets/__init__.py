"""Data that ships with the package, readers for public data, and generators.

Everything returns NumPy arrays and SciPy CSR matrices; nothing is downloaded unless a
function says so.
"""

from .corruption import corrupt_labels
from .digits import Labelled, load_digits
from .generated import make_text
from .newsgroups import TextSplit, fetch_20newsgroups
from .svmlight import load_svmlight

__all__ = [
    "Labelled",
    "TextSplit",
    "corrupt_labels",
    "fetch_20newsgroups",
    "load_digits",
    "load_svmlight",
    "make_text",
]
