"""`revalue`: its kernels against the contracts' own values, its normals against the normal law."""

import numpy as np
import pytest
from scipy import stats

from classical_baseline import revalue
from classical_baseline.book_kernels import (
    TABLE_ERROR,
    BookKernel,
    DeltaGammaKernel,
    Layout,
    Moves,
)
from classical_baseline.normals import NormalStream
from classical_baseline.value_table import REACH, tabulated
from qmc import (
    BlackScholes,
    Book,
    HistoricalReturns,
    InvalidProblem,
    MultiAsset,
    OptionPosition,
    StockPosition,
    TooLarge,
    Unsupported,
)

SIZE = 512
HORIZON = 10 / 252
LAYOUTS = [Layout(np.float64, SIZE), Layout(np.float32, SIZE)]
# errors as a share of the stock value held: tables and rounding
SHARES = {np.float64: TABLE_ERROR, np.float32: 3e-7}


def market(assets=12):
    rng = np.random.default_rng(2)
    factors = rng.normal(size=(assets, 3))
    covariance = factors @ factors.T + 2.0 * np.eye(assets)
    scale = np.sqrt(np.diag(covariance))
    return MultiAsset(
        spots=tuple(rng.uniform(20.0, 200.0, assets)),
        vols=tuple(rng.uniform(0.15, 0.5, assets)),
        rate=0.02,
        correlation=tuple(map(tuple, covariance / np.outer(scale, scale))),
    )


MARKET = market()


def book_of(stocks, options, expires=0.4):
    """Stocks on some assets, options on others, both on those that are in both."""
    spots = MARKET.spots
    held = [StockPosition(asset=i, quantity=100.0 * (-1.0) ** i) for i in stocks]
    held += [
        OptionPosition(
            asset=i, kind=("call", "put")[i % 2], strike=spots[i] * (0.9 + 0.02 * i),
            expiry=expires, vol=MARKET.vols[i], quantity=-50.0,
        )
        for i in options
    ]  # fmt: skip
    return Book(positions=tuple(held), spots=spots, horizon=HORIZON, rate=0.03)


BOOKS = {
    "stocks": book_of(range(12), ()),
    "options": book_of((), range(12)),
    "both, some assets in neither": book_of((1, 2, 5), (2, 3, 5, 9)),
    "expires at the horizon": book_of((0, 1), (1, 4), expires=HORIZON),
}


def block_for(kernel, layout):
    block = np.ones((kernel.factors + 1, layout.size), dtype=layout.dtype)
    NormalStream(3).fill(block[1:])
    return block


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.dtype.__name__)
@pytest.mark.parametrize("name", BOOKS)
def test_the_losses_are_the_book_s_own_on_the_same_prices(name, layout, monkeypatch):
    book, seen = BOOKS[name], {}
    moves = remember_moves(monkeypatch, seen)
    kernel = BookKernel(book, MARKET, 0.99, layout)
    block = block_for(kernel, layout)
    found = kernel.losses(block)
    prices = np.asarray(book.spots) * np.exp(moves(block, seen))
    expected = -book.present_value(prices[:, None, :], np.array([0.99]))
    held = sum(abs(one.quantity) * book.spots[one.asset] for one in book.positions)
    assert found.dtype == layout.dtype
    assert np.abs(found - expected).max() < SHARES[layout.dtype] * held
    assert set(kernel.tabulated + kernel.by_formula) == {
        one.asset for one in book.positions if isinstance(one, OptionPosition)
    }
    assert bool(kernel.by_formula) == (name == "expires at the horizon")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: one.dtype.__name__)
def test_delta_gamma_losses_are_the_contract_s_own(layout, monkeypatch):
    contract, seen = BOOKS["both, some assets in neither"].delta_gamma(), {}
    moves = remember_moves(monkeypatch, seen)
    kernel = DeltaGammaKernel(contract, MARKET, 0.99, layout)
    block = block_for(kernel, layout)
    prices = np.asarray(contract.spots) * np.exp(moves(block, seen))
    expected = -contract.present_value(prices[:, None, :], np.array([0.99]))
    held = np.abs(contract.deltas) @ np.asarray(contract.spots) + 2e4
    assert np.abs(kernel.losses(block) - expected).max() < SHARES[layout.dtype] * held


def remember_moves(monkeypatch, seen):
    """The drifts and root that a kernel is built on, to tell what a block's prices are."""
    made = Moves.of.__func__

    def keep(cls, *args):
        seen["moves"] = made(cls, *args)
        return seen["moves"]

    monkeypatch.setattr(Moves, "of", classmethod(keep))
    return lambda block, seen: (
        seen["moves"].drifts + block[1:].T.astype(np.float64) @ seen["moves"].root.T
    )


def test_moves_have_the_model_s_law():
    means, loadings = MARKET.log_prices((HORIZON,))
    moves = Moves.of(MARKET, HORIZON, MARKET.spots)
    assert np.allclose(moves.root @ moves.root.T, loadings[0] @ loadings[0].T, rtol=0, atol=1e-15)
    assert np.allclose(moves.drifts, means[0] - np.log(MARKET.spots), rtol=1e-12)
    assert np.allclose(moves.root, np.tril(moves.root), rtol=0, atol=1e-16)


def test_assets_that_move_as_one_need_one_normal():
    ones = tuple((1.0,) * 3 for _ in range(3))
    model = MultiAsset(spots=(10.0, 20.0, 30.0), vols=(0.2, 0.3, 0.0), rate=0.0, correlation=ones)
    option = OptionPosition(kind="put", strike=30.0, expiry=1.0, vol=0.2, quantity=1.0, asset=2)
    stocks = tuple(StockPosition(quantity=1.0, asset=asset) for asset in range(2))
    book = Book(positions=(*stocks, option), spots=model.spots, horizon=0.1)
    kernel = BookKernel(book, model, 1.0, LAYOUTS[0])
    assert kernel.factors == 1
    # the put's own asset never moves: the formula, not a table of a normal
    assert kernel.by_formula == (2,)
    losses = revalue(book, model, 2_000, rng=1)
    assert losses.mean() == pytest.approx(0.0, abs=5.0 * losses.std() / np.sqrt(2_000) + 0.4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_normals_are_normal_and_independent(dtype):
    normals = np.empty((3, 100_001), dtype=dtype)
    NormalStream(8).fill(normals)
    assert stats.kstest(normals.ravel().astype(float), "norm").pvalue > 1e-3
    odd, even = normals[:, :-1:2], normals[:, 1::2]
    for one, other in ((odd, even), (odd**2, even**2), (normals[0], normals[1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5.0 / np.sqrt(one.size)
    # Box and Muller's pairs lie half an array apart
    flat = normals.ravel()[:300_002].astype(float)
    first, second = np.split(flat, 2)
    assert abs(np.corrcoef(first**2, second**2)[0, 1]) < 5.0 / np.sqrt(first.size)
    tail = np.count_nonzero(np.abs(flat) > 3.5)
    expected = flat.size * 2.0 * stats.norm.sf(3.5)
    assert abs(tail - expected) < 5.0 * np.sqrt(expected)


def test_single_normals_are_finite_at_the_ends_of_the_uniform():
    class Ends:
        def random_raw(self, count):
            return np.resize(np.array([0, 2**64 - 1], dtype=np.uint64), count)

    stream = NormalStream(1)
    stream._bits = Ends()
    normals = np.empty(8, dtype=np.float32)
    stream.fill(normals)
    assert np.all(np.isfinite(normals))
    assert np.abs(normals).max() == pytest.approx(6.76, abs=0.01)


def test_tables_meet_what_is_allowed_between_their_nodes():
    function = lambda z: np.exp(0.1 * z) + np.tanh(2.0 * z)  # noqa: E731
    sizes = []
    for allowed in (1e-3, 1e-6, 1e-8):
        table = tabulated(function, allowed, np.float64)
        z = np.linspace(-8.0, 8.0, 100_003)
        position = (z + REACH) * table.cells_a_unit
        cell = np.floor(position).astype(int)
        t = position - cell
        found = (table.bend[cell] * t + table.slope[cell]) * t + table.left[cell]
        assert np.abs(found - function(z)).max() <= allowed
        sizes.append(table.cells)
    assert sizes[0] < sizes[1] < sizes[2]
    assert tabulated(lambda z: np.maximum(z - 0.1234, 0.0), 1e-8, np.float64) is None
    assert tabulated(np.exp, 0.0, np.float64) is None


def test_the_same_seed_has_the_same_losses_and_more_of_them():
    book = BOOKS["both, some assets in neither"]
    few, many = (revalue(book, MARKET, count, rng=5) for count in (1_500, 4_000))
    assert np.array_equal(few, many[:1_500])
    assert not np.array_equal(few, revalue(book, MARKET, 1_500, rng=6))


@pytest.mark.parametrize("short", [False, True])
def test_the_fast_way_has_the_law_of_the_slow_one(short):
    book = BOOKS["both, some assets in neither"]
    contract = book.delta_gamma() if short else book
    fast = [revalue(contract, MARKET, 60_000, dtype=one, rng=1) for one in SHARES]
    normals = np.random.default_rng(4).standard_normal((60_000, len(MARKET.spots)))
    prices = MARKET.paths((HORIZON,), normals)
    slow = -contract.present_value(prices, MARKET.discount((HORIZON,)))
    for losses in fast:
        assert stats.ks_2samp(losses.astype(float), slow).pvalue > 1e-3


def test_other_models_take_their_own_paths():
    days = ((0.01, -0.02), (-0.03, 0.02))
    model = HistoricalReturns(returns=days)
    stocks = tuple(StockPosition(quantity=1.0, asset=asset) for asset in range(2))
    book = Book(positions=stocks, spots=(100.0, 50.0), horizon=1 / 252, on="returns")
    losses = revalue(book, model, 1_000, rng=3)
    assert set(losses.round(9)) == {0.0, 2.0}
    with pytest.raises(Unsupported, match="float64 only"):
        revalue(book, model, 1_000, dtype=np.float32)


def test_what_is_refused():
    book = BOOKS["stocks"]
    for fields, named in (
        ({"scenarios": 0}, "scenarios"),
        ({"scenarios": 10, "block": 8}, "block"),
        ({"scenarios": 10, "dtype": np.int64}, "dtype"),
        ({"scenarios": 10, "rng": -1}, "rng"),
    ):
        with pytest.raises(InvalidProblem, match=named):
            revalue(book, MARKET, **fields)
    with pytest.raises(TooLarge, match="lower scenarios="):
        revalue(book, MARKET, 10**15)
    with pytest.raises(InvalidProblem, match="12 spots"):
        revalue(book, BlackScholes(spot=100.0, vol=0.2, rate=0.0), 10)
    wild = BlackScholes(spot=100.0, vol=10.0, rate=0.0)
    large = Book(positions=(StockPosition(quantity=1e306),), spots=(100.0,), horizon=0.01)
    with pytest.raises(InvalidProblem, match="no finite number"):
        revalue(large, wild, 5_000, rng=1)
