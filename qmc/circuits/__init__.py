"""Circuits: a discretised problem becomes a state preparation with a flag qubit."""
