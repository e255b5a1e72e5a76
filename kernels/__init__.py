"""Numerical kernels: one specification (`reference`) and one twin per backend.

`KERNELS` is the contract: every ``family.name`` exists, with one signature, in every backend.
"""

_NAMES = {
    "draw": "philox uniform draw_index permute draw_batch normals",
    "vector": "axpy scale norm perturbed_step combine_offsets normalized_momentum recenter "
    "average_offsets",
    "projection": "project",
    "momentum": "recursive_momentum extrapolate restart",
    "averages": "moving_average saga",
    "linear_system": "joint_step inverse_scaling scaled_axpy",
    "proximal": "proximal_step smooth",
    "barrier": "dynamic_barrier",
    "quadratic": "add_product add_transposed_product add_vector add_noise add_dot",
    "softmax": "residual losses curvature combine_losses derivatives",
    "csr": "forward backward descent_step descend flush",
    "dense": "forward backward descent_step descend flush",
    "csr_curvature": "gradient product directional derivatives linear_step finish",
    "dense_curvature": "gradient product directional derivatives linear_step finish",
    "weights": "row_weight row_slope shift_of row_coefficients weighted_sum weight_gradient "
    "row_products",
    "penalty": "penalty_values penalty_products penalty_gradient add_penalty add_penalty_gradient",
    "powers": "absolute_power subtract_targets losses slopes curvatures directional "
    "row_coefficients weight_gradient add_norm add_norm_gradient add_norm_product",
    "sine": "signed_power lower_value lower_gradient cross upper_value upper_gradient",
    "chain": "carmon_value carmon_gradient coin progress hide_next path_value path_gradient "
    "tail_value tail_gradient_x tail_gradient_y",
}
FAMILIES: tuple[str, ...] = tuple(_NAMES)
KERNELS: tuple[str, ...] = tuple(
    f"{family}.{name}" for family, names in _NAMES.items() for name in names.split()
)
