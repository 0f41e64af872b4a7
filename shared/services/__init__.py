"""Services of the system: intake of signals, moving users, sweeping, rechecking waiting users."""
