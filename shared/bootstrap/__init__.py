"""Composition root: builds clients, storage and services from the settings.

Everything is imported and built at its first use, not at start, so that a cold start loads only what
its first call needs: the webhook needs neither msal nor httpx. One process has one of each, and one
connection pool.
"""

from __future__ import annotations

import logging
import os
from functools import cache

from shared.bootstrap.services import App
from shared.settings.settings import Settings, unknown_settings
from shared.telemetry.log import quiet_libraries


@cache
def settings() -> Settings:
    """Return the settings of this process; SettingsError stops the app at start."""
    for warning in unknown_settings(os.environ):
        logging.getLogger("acp.settings").warning(warning)
    return Settings.from_environment(os.environ)


@cache
def app() -> App:
    """Return the app of this process."""
    quiet_libraries()
    return App(settings())
