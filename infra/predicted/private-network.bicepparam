// VNET_ENABLED, AUTH_CLIENT_ID, ALERT_EMAIL, GRANT_OPERATOR=true, HTTP_ALWAYS_READY, DELETE_LOCK, STORAGE_SKU and LOG_DAILY_CAP_GB.
using '../main.bicep'

param environmentName = 'contoso-acp'
param location = 'westeurope'
param vnetEnabled = true
param authClientId = '11111111-1111-1111-1111-111111111111'
param alertEmail = 'you@contoso.com'
param grantOperator = 'true'
param principalId = '22222222-2222-2222-2222-222222222222'
param httpAlwaysReady = 1
param deleteLock = true
param storageSku = 'Standard_ZRS'
param logDailyCapGB = 5
