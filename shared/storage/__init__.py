"""What is remembered: Azure tables and queue messages."""
