"""Checks of `infra/`, `azure.yaml` and `.github/` that need no Azure; `python -m infra.checks` runs them."""
