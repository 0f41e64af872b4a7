"""Lists of users that a person hands in: names typed in a line, or a CSV file. Pure but for reading."""
