"""Clients of the Microsoft services: Graph, the Teams admin API, the identity endpoint."""
