"""Lists of users that a person gives: names typed on one line, or a CSV file."""
