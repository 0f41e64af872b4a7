// ACP_CLOUD=gcchigh: a GCC High tenant, with its resources in Azure Government.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'usgovvirginia'
param cloud = 'gcchigh'
