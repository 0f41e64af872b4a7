// VNET_ENABLED, AUTH_CLIENT_ID, ALERT_EMAIL, GRANT_OPERATOR and HTTP_ALWAYS_READY together.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param vnetEnabled = true
param authClientId = '11111111-1111-1111-1111-111111111111'
param alertEmail = 'you@contoso.com'
param grantOperator = true
param principalId = '22222222-2222-2222-2222-222222222222'
param httpAlwaysReady = 1
