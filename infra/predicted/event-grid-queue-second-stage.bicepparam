// The second stage of ACP_DELIVERY=eventgrid-queue: events of the partner topic go into the queue.
using '../eventgrid-queue.bicep'

param partnerTopicName = 'graph-users-contoso'
param storageAccountName = 'stcontoso'
param queueName = 'moves-events'
