"""What the child processes of the stand-ins get from their surroundings."""

import os

from local.commands import forget_surroundings


def test_nothing_in_the_shell_leads_the_app_elsewhere() -> None:
    """Settings, identities, proxies and certificates are gone; the rest of the environment stays."""
    environment = {
        "ACP_GRAPH_URL": "https://graph.microsoft.com",
        "AzureWebJobsStorage__tableServiceUri": "https://live.example",
        "IDENTITY_ENDPOINT": "http://live.example",
        "WEBSITE_HOSTNAME": "live.example",
        "https_proxy": "http://proxy.example",
        "SSL_CERT_FILE": "/etc/certificates.pem",
        "PATH": "/bin",
    }
    forget_surroundings(environment)
    left = {"PATH": "/bin", "NO_PROXY": "*", "no_proxy": "*", "SSL_CERT_DIR": os.devnull}
    assert environment == left
