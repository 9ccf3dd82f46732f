"""What all tests share: the false-alarm rate of the suite's coverage tests."""

import pytest

from qmc.testing import assert_coverage

# as many as there are tests with the fixture `covers`; see the rule of DESIGN 7
COVERAGE_TESTS = 118


@pytest.fixture(scope="session")
def covers():
    """assert_coverage for one of the suite's coverage tests."""

    def check(hits, runs, confidence):
        assert_coverage(hits, runs, confidence, tests=COVERAGE_TESTS)

    return check


def pytest_collection_modifyitems(items):
    """Refuse more coverage tests than the stated rate is shared among."""
    found = sum("covers" in getattr(item, "fixturenames", ()) for item in items)
    if found > COVERAGE_TESTS:
        msg = f"{found} coverage tests: raise COVERAGE_TESTS in tests/conftest.py"
        raise pytest.UsageError(msg)
