// ACP_TEAMS_API=documented: two Graph permissions, no Entra role (docs/deploy.md), the same resources.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param teamsApi = 'documented'
