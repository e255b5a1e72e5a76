"""The double of CuPy, for tests of itself."""

import pytest
from backends import array_library


@pytest.fixture
def cupy():
    with array_library("emulated") as module:
        yield module
