"""Domain types and rules for moving users to Microsoft: pure, no I/O."""
