"""The real services in one thread, one seed and virtual time, in a world that is slow and dirty."""
