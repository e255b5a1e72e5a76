"""Steps on a linear system: their laws. Parity of all buffers is in `test_parity`."""

import numpy as np


def test_the_joint_step_uses_old_values_and_the_sign_of_v(k, dtype):
    Y = np.array([[1.0, 2.0], [3.0, 4.0]], dtype)
    G = np.array([[10.0, 20.0], [30.0, 40.0]], dtype)
    b = np.array([8.0, 16.0], dtype)
    k.joint_step(Y, G, b, -1.0, 0.5, 0.25)
    np.testing.assert_array_equal(Y, [[-4.0, -8.0], [3 - 0.25 * 22, 4 - 0.25 * 24]])


def test_the_inverse_scaling_is_the_inverse_of_dw_dy(k, dtype):
    y = np.array([0.5, -2.0, 0.0, 1e-6], dtype)
    out = np.empty(4, dtype)
    k.inverse_scaling(y, 4.0, 0.1, out)
    np.testing.assert_allclose(
        out, 1 / (3 * np.array([0.25, 4.0, 0.01, 0.01])), rtol=4 * np.finfo(dtype).eps
    )
    k.inverse_scaling(y, 2.0, 0.1, out)
    np.testing.assert_array_equal(out, 1.0)


def test_scaled_axpy(k, dtype):
    y = np.array([1.0, 2.0], dtype)
    k.scaled_axpy(-0.5, np.array([2.0, 4.0], dtype), np.array([3.0, 5.0], dtype), y)
    np.testing.assert_array_equal(y, [-2.0, -8.0])
