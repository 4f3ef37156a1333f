"""The smallest change that meets a wish, and what is said where none does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensemble.unique.changes import Path
from ensemble.unique.solve import TOLERANCE, Wish, solve
from erazoo.errors import ConfigError


@given(st.floats(0.25, 5), st.floats(0, 1))
def test_a_falling_figure_is_met_exactly(curve: float, share: float) -> None:
    figure = lambda x: 0.6 * (1 - x**curve)
    found = solve(figure, Wish(share, relative=True), (0.0, 1.0))
    assert abs(found.reached - share * 0.6) <= TOLERANCE
    assert found.start == 0.6
    assert found.reached == pytest.approx(figure(found.amount))
    assert (found.low, found.high) == (0.0, 0.6)


@given(st.floats(-1, 1), st.floats(0.1, 3))
def test_the_root_nearest_to_no_change_is_taken(middle: float, width: float) -> None:
    """A parabola has a root on either side of its middle; with bounds both may be in reach."""
    figure = lambda x: ((x - middle) / width) ** 2
    wanted = figure(middle + 0.4)
    found = solve(figure, Wish(wanted), (-2.0, 2.0))
    nearest = min(abs(middle - 0.4), abs(middle + 0.4))
    assert abs(found.amount) == pytest.approx(nearest, abs=1e-3)
    assert abs(found.reached - wanted) <= TOLERANCE


def test_of_several_roots_the_first_outwards_is_taken() -> None:
    found = solve(lambda x: np.cos(6 * np.pi * x), Wish(0.5), (0.0, 1.0))
    assert found.amount == pytest.approx(1 / 18, abs=1e-4)


def test_no_change_where_none_is_needed() -> None:
    assert solve(lambda x: 0.4 - 0.3 * x, Wish(1.0, relative=True), (0.0, 1.0)).amount == 0
    assert solve(lambda x: 0.4 + 0 * x, Wish(0.402), (0.0, 1.0)).amount == 0


def test_an_unreachable_wish_states_what_can_be_reached() -> None:
    with pytest.raises(ConfigError) as error:
        solve(lambda x: 0.5 - 0.2 * x, Wish(0.4, relative=True), (0.0, 1.0))
    said = str(error.value)
    assert "0.4 times the start, that is 0.2000 from a start of 0.5000" in said
    assert "Expected: 0.3000 to 0.5000" in said
    with pytest.raises(ConfigError, match="0.7, that is 0.7000"):
        solve(lambda x: 0.5 - 0.2 * x, Wish(0.7), (0.0, 1.0))


def test_a_leap_over_the_wish_is_no_solution() -> None:
    with pytest.raises(ConfigError, match="cannot be met"):
        solve(lambda x: np.where(x < 0.3, 0.5, 0.1), Wish(0.3), (0.0, 1.0))


def test_an_undefined_figure_is_refused() -> None:
    with pytest.raises(ConfigError, match="undefined"):
        solve(lambda x: np.where(x < 0.5, 0.5, np.nan), Wish(0.3), (0.0, 1.0))


def test_wishes_are_read() -> None:
    assert Wish.parse("0.7x") == Wish(0.7, relative=True)
    assert Wish.parse(0.25) == Wish(0.25)
    assert Wish.parse("0.25") == Wish(0.25)
    for text in ("x", "much", "nan", "0.5 times"):
        with pytest.raises(ConfigError, match="a share of the start"):
            Wish.parse(text)


@given(st.integers(0, 10_000), st.floats(-1, 1))
def test_a_path_of_weights_stays_on_the_simplex(seed: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    front, start = rng.dirichlet(np.ones(4), 6), rng.dirichlet(np.ones(4))
    path = Path.onto(rng.random((4, 30)), start, front)
    (weights,) = path.weights(np.array([amount]))
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    ends = path.weights(np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(ends, [front[0], start, front[-1]])
    blend = path.at(np.array([amount]), slice(5, 20))[:, 0]
    np.testing.assert_allclose(blend, weights @ path.ranks[:, 5:20])
