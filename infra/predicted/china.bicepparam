// ACP_CLOUD=china: a tenant of Microsoft 365 operated by 21Vianet, with its resources in Azure China.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'chinanorth3'
param cloud = 'china'
