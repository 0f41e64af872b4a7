"""The console: the admin center's page, in a browser, over the services that the HTTP API has."""
