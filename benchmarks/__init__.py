"""Benchmarks: the claims of qmc, measured side by side with their peers in one run."""
