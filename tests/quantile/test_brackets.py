"""The threshold search on tables whose answers are known."""

import math

import numpy as np
import pytest

from qmc import Goal
from qmc.quantile import find_bracket, interpolate, max_tests
from qmc.quantile.brackets import bracket_status
from qmc.result import Estimate, Interval

EDGES = np.concatenate([[-np.inf], np.arange(1.0, 16.0), [np.inf]])


def perfect(tails, half_width=1e-9):
    def test(edge):
        value = float(tails[edge])
        low, high = max(value - half_width, 0.0), min(value + half_width, 1.0)
        return Estimate(value, Interval(low, high, 0.99), "converged")

    return test


def never(_low, _high):
    return False


@pytest.mark.parametrize("answer", range(16))
def test_finds_every_cell_with_perfect_tests(answer):
    tails = np.where(np.arange(17) <= answer, 0.5, 0.001)
    bracket = find_bracket(EDGES, 0.01, perfect(tails), never)
    assert (bracket.low, bracket.high) == (answer, answer + 1)
    assert bracket.ended == "resolved"
    assert len(bracket.tests) <= math.log2(16) + 1


@pytest.mark.parametrize("tie", range(2, 15))
def test_a_tie_ends_one_edge_wider(tie):
    tails = np.where(np.arange(17) < tie, 0.5, 0.001)
    tails[tie] = 0.01
    bracket = find_bracket(EDGES, 0.01, perfect(tails), never)
    assert (bracket.low, bracket.high) == (tie - 1, tie + 1)
    assert bracket.ended == "resolved"
    assert len(bracket.tests) <= max_tests(EDGES)


def test_a_budget_that_ends_leaves_a_valid_bracket():
    tails = np.where(np.arange(17) <= 5, 0.5, 0.001)
    calls = []

    def test(edge):
        calls.append(edge)
        if len(calls) == 3:
            return Estimate(0.5, Interval(0.0, 1.0, 0.99), "budget_exhausted")
        return perfect(tails)(edge)

    bracket = find_bracket(EDGES, 0.01, test, never)
    assert bracket.ended == "budget_exhausted"
    assert bracket.low <= 5 < bracket.high


def test_stops_when_the_bracket_is_narrow_enough():
    tails = np.where(np.arange(17) <= 5, 0.5, 0.001)
    bracket = find_bracket(EDGES, 0.01, perfect(tails), lambda low, high: high - low <= 4)
    assert bracket.ended == "tolerance"
    assert bracket.high - bracket.low <= 4


def test_interpolation_stays_inside_and_follows_the_tails():
    tails = np.exp(-0.5 * np.arange(17))
    tau = math.exp(-0.5 * 6.25)
    bracket = find_bracket(EDGES, tau, perfect(tails), never)
    assert (bracket.low, bracket.high) == (6, 7)
    assert interpolate(EDGES, bracket, tau) == pytest.approx(6.25)


def test_tail_intervals_at_the_ends_need_no_test():
    bracket = find_bracket(EDGES, 0.01, perfect(np.full(17, 0.5)), never)
    assert bracket.high == 16
    assert bracket.tail_interval(0, 16).low == 1.0
    assert bracket.tail_interval(16, 16).high == 0.0
    assert interpolate(EDGES, bracket, 0.01) == 15.0


@pytest.mark.parametrize(
    ("width", "cells", "spent", "status"),
    [
        (1.0, 1, False, "converged"),
        (1.0, 9, False, "unresolved"),
        (1.0, 9, True, "budget_exhausted"),
        (math.inf, 1, False, "unresolved"),
    ],
)
def test_a_budget_without_tolerances_asks_for_one_cell(width, cells, spent, status):
    goal, interval = Goal(queries=500), Interval(0.0, width)
    assert bracket_status(goal, 0.5, interval, cells, spent=spent) == status


def test_a_tolerance_is_met_by_any_number_of_cells():
    assert (
        bracket_status(Goal(tolerance=1.0), 0.5, Interval(0.0, 1.0), 9, spent=True) == "converged"
    )
