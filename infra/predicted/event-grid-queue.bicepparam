// ACP_DELIVERY=eventgrid-queue, the first stage: Graph may create its partner topic, and the queue is made.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param delivery = 'eventgrid-queue'
