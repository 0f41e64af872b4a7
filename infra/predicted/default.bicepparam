// `azd up` with nothing set: the webhook, no virtual network, nobody gets mail.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
