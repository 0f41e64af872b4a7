"""The HTTP API for people and programs: what goes in, what comes out, and how errors are told."""
