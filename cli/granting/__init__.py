"""Giving the app's managed identity its rights in the tenant; never part of the deployed app."""
