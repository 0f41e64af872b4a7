// ACP_DELIVERY=eventgrid, the first stage: Graph may create its partner topic.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param delivery = 'eventgrid'
