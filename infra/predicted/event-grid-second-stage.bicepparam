// The second stage of Event Grid: events of the partner topic go to the function.
using '../eventgrid.bicep'

param functionAppName = 'func-contoso'
param partnerTopicName = 'graph-users-contoso'
param storageAccountName = 'stcontoso'
param deadLetterIdentityId = '/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/rg-contoso-acp/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-events-contoso'
