"""The infrastructure of the app: Bicep for azd, and the checks that need no Azure."""
