// ACP_DELIVERY=eventgrid, the first stage: Graph may create its partner topic. GRANT_OPERATOR=read.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param delivery = 'eventgrid'
param grantOperator = 'read'
param principalId = '22222222-2222-2222-2222-222222222222'
