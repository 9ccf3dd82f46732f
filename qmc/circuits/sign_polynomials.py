"""Polynomials in the signs of bits: an angle as few parities instead of 2**n numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

# mask of bits -> coefficient of the product of their signs (-1)**bit; mask 0 is the constant
SignPolynomial: TypeAlias = dict[int, float]


def affine(intercept: float, slope: float, masks: Sequence[int]) -> SignPolynomial:
    """The line intercept + slope * i of the integer i = sum_j 2**j bit_j, in signs.

    Args:
        intercept: at i = 0.
        slope: a unit of i.
        masks: the mask of each bit, lowest bit first; bit_j = (1 - sign_j) / 2.

    >>> affine(1.0, 2.0, (1, 2))
    {0: 4.0, 1: -1.0, 2: -2.0}
    """
    result = {0: intercept + 0.5 * slope * (2.0 ** len(masks) - 1.0)}
    for bit, mask in enumerate(masks):
        result[mask] = -0.5 * slope * 2.0**bit
    return result


def add(*polynomials: SignPolynomial) -> SignPolynomial:
    """The sum of sign polynomials."""
    result: SignPolynomial = {}
    for polynomial in polynomials:
        for mask, coefficient in polynomial.items():
            result[mask] = result.get(mask, 0.0) + coefficient
    return result


def multiply(first: SignPolynomial, second: SignPolynomial) -> SignPolynomial:
    """The product of two sign polynomials; a sign squared is 1, so masks combine by xor."""
    result: SignPolynomial = {}
    for mask, coefficient in first.items():
        for other, factor in second.items():
            result[mask ^ other] = result.get(mask ^ other, 0.0) + coefficient * factor
    return result


def substitute(coefficients: Sequence[float], argument: SignPolynomial) -> SignPolynomial:
    """The sum of coefficients[k] argument**k by Horner's rule."""
    result: SignPolynomial = {0: 0.0}
    for coefficient in reversed(coefficients):
        result = add(multiply(result, argument), {0: coefficient})
    return result
