"""The words and rules of moving users to Microsoft: types and pure functions, no I/O."""
