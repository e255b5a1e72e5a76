"""Mathematics on the host: stencils, curvature, Newton's method, conjugate gradients.

Import any module; none knows a method or runs a text.
"""
