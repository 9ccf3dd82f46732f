"""What all tests share: the false-alarm rate of the suite's coverage tests."""

import pytest

from qmc.testing import assert_coverage

# at least as many as there are tests with the fixture `covers`; see the rule of DESIGN 7
COVERAGE_TESTS = 200
FOUND = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def covers(request):
    """assert_coverage for one of the suite's coverage tests."""
    found = request.config.stash.get(FOUND, 0)
    if found > COVERAGE_TESTS:
        # said here and not while collecting: there, it would take down the workers of xdist
        pytest.fail(f"{found} coverage tests: raise COVERAGE_TESTS in tests/conftest.py")

    def check(hits, runs, confidence):
        assert_coverage(hits, runs, confidence, tests=COVERAGE_TESTS)

    return check


def pytest_collection_modifyitems(config, items):
    """Count the coverage tests, among which the stated rate is shared."""
    config.stash[FOUND] = sum("covers" in getattr(item, "fixturenames", ()) for item in items)
