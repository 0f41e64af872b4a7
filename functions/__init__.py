"""The functions, one blueprint a trigger family: each parses, calls one service, answers."""
