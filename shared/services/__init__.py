"""What the system does: taking in signals, moving users, sweeping, looking again at waiting users."""
