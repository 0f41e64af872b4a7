"""Storage: Azure tables and queue messages."""
