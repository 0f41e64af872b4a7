"""Mistakes that the tests should notice: what `make mutants` runs, counts and asks for."""
