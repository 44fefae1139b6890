"""Comparisons that may be looked at while episodes are still being added."""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hamster_bench.errors import InvalidOptionError, MissingDependencyError

StepDecision = Literal["first", "second", "undecided"]

# What sequentialized-barnard-tests brings decision tables for: pairs planned at most, at a level of 0.05 in either direction.
STEP_SIZES = (200, 500)
STEP_LEVEL = 0.05
# Where STEP's rule is randomised, its draws come from this seed.
STEP_SEED = 0


def always_valid_p(first: ArrayLike, second: ArrayLike) -> float:
    """A p-value for matched pairs that holds at any time, however often one looks and whenever one stops.

    It is the inverse of the largest evidence seen so far. The evidence after b and c pairs in which only the first, or only the second
    arm succeeded is a likelihood ratio, averaged over every probability that the first arm wins such a pair (the mixture of Ville 1939
    and Robbins 1970, "Statistical methods related to the law of the iterated logarithm")::

        2^(b + c) B(b + 1, c + 1)

    If the arms do not differ its largest value exceeds 1 / alpha with probability alpha at most.

    Args:
        first: (pairs,) outcomes of the first arm, 0 or 1, in the order in which the pairs were made.
        second: (pairs,) those of the second.

    Returns:
        The p-value, at most 1.

    Raises:
        InvalidOptionError: the outcomes are not as many zeros and ones in both arms.
    """
    from scipy.special import betaln

    a, b = _outcomes(first, second)
    first_only, second_only = np.cumsum(a > b), np.cumsum(b > a)
    log_evidence = (first_only + second_only) * np.log(2.0) + betaln(first_only + 1.0, second_only + 1.0)
    return float(np.exp(-max(log_evidence.max(initial=0.0), 0.0)))


def step_decision(first: ArrayLike, second: ArrayLike, planned: int) -> tuple[StepDecision, int]:
    """What the sequential test STEP says, and after how many pairs it said it.

    STEP (Snyder et al. 2025, "Is Your Imitation Learning Policy Better than Mine? Policy Comparison with Near-Optimal Stopping", RSS) is
    made for independent arms, and there stops nearly as early as any test can. The authors' package carries it out.

    Args:
        first: (pairs,) outcomes of the first arm, 0 or 1, in the order in which the pairs were made.
        second: (pairs,) those of the second.
        planned: largest number of pairs that will be made, settled before the first of them; pairs beyond it are not looked at.

    Returns:
        The better arm or ``"undecided"``, and the number of pairs looked at. Each arm is called better wrongly with a probability of
        `STEP_LEVEL` at most.

    Raises:
        InvalidOptionError: the outcomes are not as many zeros and ones in both arms, or no decision table covers ``planned``.
        MissingDependencyError: the package is not installed.
    """
    a, b = _outcomes(first, second)
    if not 1 <= planned <= max(STEP_SIZES):
        raise InvalidOptionError(
            f"STEP has decision tables for at most {max(STEP_SIZES)} planned pairs, got {planned}; plan fewer, or use the p-value that "
            "holds at any time"
        )
    package = _step_package()
    test = _step_test(min(size for size in STEP_SIZES if size >= planned))
    test.reset()
    for looked_at, (x, y) in enumerate(zip(a[:planned], b[:planned], strict=True), start=1):
        decision = test.step(bool(x), bool(y)).decision
        if decision != package.Decision.FailToDecide:
            return ("second" if decision == package.Decision.AcceptAlternative else "first"), looked_at
    return "undecided", min(len(a), planned)


_INSTALL = "pip install 'hamster-bench[sequential]', or pip install sequentialized-barnard-tests"


@functools.lru_cache
def _step_test(size: int) -> Any:
    """The test of a size, whose decision table takes a while to read; to be reset before use."""
    package = _step_package()
    # The package speaks to the terminal.
    with contextlib.redirect_stdout(io.StringIO()):
        test = package.MirroredStepTest(
            alternative=package.Hypothesis.P0LessThanP1, n_max=size, alpha=STEP_LEVEL, random_seed=STEP_SEED
        )
        # Its constructor loads the table before it has set what loading needs (0.0.9), and goes on without one.
        test.load_existing_policy()
    if test.policy is None:
        raise MissingDependencyError(f"sequentialized-barnard-tests lacks its decision tables; install it anew: {_INSTALL}")
    return test


def _step_package() -> Any:
    try:
        import sequentialized_barnard_tests
    except ImportError as error:
        raise MissingDependencyError(f"STEP needs the package sequentialized-barnard-tests: {_INSTALL}") from error
    return sequentialized_barnard_tests


def _outcomes(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not np.isin(a, (0.0, 1.0)).all() or not np.isin(b, (0.0, 1.0)).all():
        raise InvalidOptionError("outcomes of matched pairs are as many zeros and ones in either arm")
    return a.astype(np.int64), b.astype(np.int64)
