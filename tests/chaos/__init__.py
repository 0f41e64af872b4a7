"""Chaos: the whole system under a seeded storm of faults, and the rules that must hold after it."""
