"""A Chromium that needs no package of the system, for the browser tests and the pictures of the console."""
