"""User lists as input: names on one line, or a CSV file."""
