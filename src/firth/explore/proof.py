"""The gradient check as numbers for a picture: both sides of every comparison of `firth gradcheck`."""

from typing import Any

from firth.gradcheck import check_gradients, measured_gradients


def gradient_comparison(seed: int) -> list[dict[str, Any]]:
    """Return for each equation its check, and each number of its gradient by the equation and by differences."""
    numbers = measured_gradients(seed=seed)
    return [
        {
            "name": check.name,
            "equation": check.equation,
            "difference": check.difference,
            "tolerance": check.tolerance,
            "passed": check.passed,
            "analytic": numbers[check.name][0].ravel().tolist(),
            "numeric": numbers[check.name][1].ravel().tolist(),
        }
        for check in check_gradients(seed=seed)
    ]
