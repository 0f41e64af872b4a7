// ACP_CLOUD=dod: a DoD tenant, with its resources in a DoD region of Azure Government.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'usdodcentral'
param cloud = 'dod'
