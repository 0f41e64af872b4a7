"""Everything the functions share: rules, services, clients, storage, settings."""

__version__ = "0.1.0"
