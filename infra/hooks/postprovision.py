"""After `azd provision`: give the app's identity its rights, before the app first asks for a token.

Azure keeps the tokens of a managed identity for up to a day, so rights that come after the first
token take that long to arrive ("How to use managed identities for App Service and Azure Functions").
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from infra.hooks.command import grant

if __name__ == "__main__":
    sys.exit(grant([], os.environ))
