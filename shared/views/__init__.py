"""Views of the data: one shape for the HTTP API, the console and the command line.

The HTTP API answers with these models, and the command line makes its rows from them.
"""
