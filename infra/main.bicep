// ACP Mover in Azure: one resource group with everything the app needs. `azd up` deploys it.
// docs/deploy.md has the steps, docs/security.md what is open to whom, docs/cost.md what it costs.
targetScope = 'subscription'

// ---- azd ----

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; part of the resource group\'s name, and a seed of the others.')
param environmentName string

@minLength(1)
@description('Azure region of all resources.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Object id of the person or service principal that runs azd. Used only with grantOperator.')
param principalId string = ''

@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
@description('What principalId is.')
param principalType string = 'User'

@allowed([
  'false'
  'read'
  'true'
])
@description('Whether principalId may read the app\'s tables and queues with the `acp` command (`read`), or write them, too (`true`).')
param grantOperator string = 'false'

// ---- the platform ----

@description('Whether storage is reachable only from a virtual network, through private endpoints.')
param vnetEnabled bool = false

@minValue(0)
@maxValue(5)
@description('Instances kept warm for the HTTP functions. 1 lets the webhook answer Graph within 3 seconds; it is billed by the hour.')
param httpAlwaysReady int = 0

@minValue(1)
@maxValue(1000)
@description('Instances at most. Each adapts its own rate to the services\' throttling.')
param maximumInstanceCount int = 10

@allowed([
  512
  2048
  4096
])
@description('Memory of an instance, in MB.')
param instanceMemoryMB int = 2048

@minValue(30)
@maxValue(730)
@description('Days that Log Analytics keeps the log.')
param logRetentionDays int = 30

@minValue(-1)
@maxValue(4000)
@description('GB a day after which Log Analytics takes no more until the next day, alerts included; -1: no limit.')
param logDailyCapGB int = -1

@description('Whether every read, write and deletion of the tables is logged, so that readers of conference IDs are known.')
param logTableAccess bool = true

@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
@description('How often and where storage keeps the data; the Z forms survive the loss of a zone.')
param storageSku string = 'Standard_LRS'

@description('Whether a lock keeps the storage account, and with it the saved entries, from being deleted. Needs Owner.')
param deleteLock bool = false

@minValue(1)
@maxValue(365)
@description('Days to keep events that Event Grid could not deliver.')
param deadLetterDays int = 30

@description('Where alerts go by e-mail; empty: the alerts show in the portal only.')
param alertEmail string = ''

@description('Client id of the app registration of the HTTP API (infra/app-registration.json): people and programs sign in. Empty: function keys.')
param authClientId string = ''

@minValue(1)
@maxValue(365)
@description('Days that Microsoft Graph may create its partner topic in the resource group (ACP_DELIVERY=eventgrid or eventgrid-queue).')
param partnerAuthorizationDays int = 7

// ---- the app's settings: docs/settings.md describes each; empty means the app's own default ----

@description('ACP_TENANT_ID: the Microsoft Entra tenant; empty: that of the Azure subscription.')
param tenantId string = ''

@allowed([
  'report'
  'move'
])
@description('ACP_MODE: a first deployment only reports; `move` is a decision.')
param mode string = 'report'

@description('ACP_CLOUD')
param cloud string = ''

@allowed([
  'admin'
  'documented'
])
@description('ACP_TEAMS_API: `documented` makes documented Graph calls alone; it needs no Entra role and sets nothing.')
param teamsApi string = 'admin'

@description('ACP_PUBLIC_URL')
param publicUrl string = ''

@description('ACP_EXCLUDED_USERS')
param excludedUsers string = ''

@description('ACP_EXCLUDED_GROUPS: needs the Graph permission GroupMember.Read.All.')
param excludedGroups string = ''

@description('ACP_APPROVERS: who may release held users, by sign-in; empty: everybody who may write.')
param approvers string = ''

@description('ACP_INCLUDED_GROUPS: the pilot; needs the Graph permission GroupMember.Read.All.')
param includedGroups string = ''

@description('ACP_INCLUDE_ROOMS')
param includeRooms string = ''

@description('ACP_NUMBER_RULES')
param numberRules string = ''

@description('ACP_SWEEP_SCHEDULE (NCRONTAB, UTC)')
param sweepSchedule string = ''

@description('ACP_RECHECK_SCHEDULE (NCRONTAB, UTC)')
param recheckSchedule string = ''

@description('ACP_CATCH_UP_SCHEDULE (NCRONTAB, UTC)')
param catchUpSchedule string = ''

@description('ACP_SUBSCRIPTION_SCHEDULE (NCRONTAB, UTC)')
param subscriptionSchedule string = ''

@description('ACP_GUARD_MAX_MOVES')
param guardMaxMoves string = ''

@description('ACP_GUARD_MAX_SHARE')
param guardMaxShare string = ''

@description('ACP_GUARD_MAX_ENABLES')
param guardMaxEnables string = ''

@description('ACP_GUARD_WINDOW_MINUTES')
param guardWindowMinutes string = ''

@description('ACP_SWEEP_LEASE_SECONDS')
param sweepLeaseSeconds string = ''

@description('ACP_REPROCESS_LICENSES')
param reprocessLicenses string = ''

@allowed([
  'webhook'
  'eventgrid'
  'eventgrid-queue'
])
@description('ACP_DELIVERY: the two of Event Grid also create the partner configuration; then see infra/eventgrid.bicep and infra/eventgrid-queue.bicep.')
param delivery string = 'webhook'

@description('ACP_EVENT_GRID_TOPIC: the partner topic that Graph is to create; empty: a name is made.')
param eventGridTopic string = ''

@description('ACP_EVENT_GRID_LOCATION: its region; empty: that of the app.')
param eventGridLocation string = ''

@description('ACP_RECHECK_DELAYS')
param recheckDelays string = ''

@description('ACP_GRACE_HOURS')
param graceHours string = ''

@description('ACP_MAX_FAILURES')
param maxFailures string = ''

@description('ACP_MAX_CALLS_IN_FLIGHT')
param maxCallsInFlight string = ''

@description('ACP_REQUEST_TIMEOUT')
param requestTimeout string = ''

@description('ACP_PAGE_SIZE')
param pageSize string = ''

@minLength(3)
@maxLength(47)
@description('ACP_QUEUE: the queue of users to move; the names of the others begin with it.')
param queueName string = 'moves'

@description('ACP_TABLE_PREFIX')
param tablePrefix string = ''

@description('ACP_JANITOR_SCHEDULE (NCRONTAB, UTC)')
param janitorSchedule string = ''

@description('ACP_KEEP_RUNS_DAYS')
param keepRunsDays string = ''

@description('ACP_KEEP_HELD_DAYS')
param keepHeldDays string = ''

@description('ACP_KEEP_KEYS_DAYS')
param keepKeysDays string = ''

@description('ACP_KEEP_USERS_DAYS')
param keepUsersDays string = ''

@description('ACP_KEEP_HISTORY_DAYS')
param keepHistoryDays string = ''

@description('ACP_KEEP_POISON_DAYS')
param keepPoisonDays string = ''

@description('ACP_LOG_USERS')
param logUsers string = ''

// ---- names ----

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
}

// Modules are given names, not other modules' outputs: what-if and the predicted deployments (infra/predicted)
// then know every resource beforehand. Names make no dependency, so dependsOn says what comes first.
var names = {
  applicationInsights: '${abbreviations.insightsComponents}${token}'
  functionApp: '${abbreviations.webSitesFunctions}${token}'
  identity: '${abbreviations.managedIdentityUserAssignedIdentities}api-${token}'
  workspace: '${abbreviations.operationalInsightsWorkspaces}${token}'
  storage: '${abbreviations.storageStorageAccounts}${token}'
  deadLetterContainer: 'dead-letters'
  packageContainer: 'app-package'
}

var useEventGrid = delivery != 'webhook'
var useEventQueue = delivery == 'eventgrid-queue'
var topicName = empty(eventGridTopic) ? 'graph-users-${token}' : eventGridTopic
var topicLocation = empty(eventGridLocation) ? location : eventGridLocation
var entraTenant = empty(tenantId) ? subscription().tenantId : tenantId

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${abbreviations.resourcesResourceGroups}${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.identity
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    applicationInsightsName: names.applicationInsights
    retentionDays: logRetentionDays
    dailyCapGB: logDailyCapGB
  }
}

module network 'app/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.networkVirtualNetworks}${token}'
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.storage
    packageContainerName: names.packageContainer
    deadLetterContainerName: names.deadLetterContainer
    queueName: queueName
    eventQueue: useEventQueue
    publicNetworkAccess: !vnetEnabled
    sku: storageSku
    deleteLock: deleteLock
    deadLetterDays: deadLetterDays
    logTableAccess: logTableAccess
    workspaceName: names.workspace
  }
  dependsOn: [
    monitoring
  ]
}

module privateEndpoints 'app/private-endpoints.bicep' = if (vnetEnabled) {
  name: 'privateEndpoints'
  scope: group
  params: {
    location: location
    tags: tags
    prefix: abbreviations.networkPrivateEndpoints
    storageAccountName: names.storage
    virtualNetworkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
  }
  dependsOn: [
    storage
  ]
}

module roles 'app/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    storageAccountName: names.storage
    applicationInsightsName: names.applicationInsights
    identityName: names.identity
    operatorPrincipalId: grantOperator == 'false' ? '' : principalId
    operatorMayWrite: grantOperator == 'true'
    operatorPrincipalType: principalType
  }
  dependsOn: [
    storage
    monitoring
    identity
  ]
}

module eventGrid 'app/partner-configuration.bicep' = if (useEventGrid) {
  name: 'partnerConfiguration'
  scope: group
  params: {
    location: location
    tags: tags
    authorizationDays: partnerAuthorizationDays
    storageAccountName: names.storage
    deadLetterContainerName: names.deadLetterContainer
    deadLetterIdentityName: useEventQueue ? '' : '${abbreviations.managedIdentityUserAssignedIdentities}events-${token}'
  }
  dependsOn: [
    storage
  ]
}

module api 'app/api.bicep' = {
  name: 'api'
  scope: group
  params: {
    location: location
    tags: union(tags, {
      'azd-service-name': 'api'
    })
    name: names.functionApp
    planName: '${abbreviations.webServerFarms}${token}'
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: names.storage
    packageContainerName: names.packageContainer
    applicationInsightsName: names.applicationInsights
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    httpAlwaysReady: httpAlwaysReady
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    appSettings: {
      ACP_TENANT_ID: entraTenant
      ACP_MODE: mode
      ACP_CLOUD: cloud
      ACP_TEAMS_API: teamsApi
      ACP_IDENTITY_CLIENT_ID: identity.outputs.clientId
      ACP_PUBLIC_URL: publicUrl
      ACP_API_ACCESS: empty(authClientId) ? 'key' : 'entra'
      // Read by the platform, not by the app: people sign in by the app's identity, without a client secret.
      OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: empty(authClientId) ? '' : identity.outputs.clientId
      ACP_EXCLUDED_USERS: excludedUsers
      ACP_EXCLUDED_GROUPS: excludedGroups
      ACP_INCLUDED_GROUPS: includedGroups
      ACP_APPROVERS: approvers
      ACP_INCLUDE_ROOMS: includeRooms
      ACP_NUMBER_RULES: numberRules
      ACP_SWEEP_SCHEDULE: sweepSchedule
      ACP_RECHECK_SCHEDULE: recheckSchedule
      ACP_CATCH_UP_SCHEDULE: catchUpSchedule
      ACP_SUBSCRIPTION_SCHEDULE: subscriptionSchedule
      ACP_GUARD_MAX_MOVES: guardMaxMoves
      ACP_GUARD_MAX_SHARE: guardMaxShare
      ACP_GUARD_MAX_ENABLES: guardMaxEnables
      ACP_GUARD_WINDOW_MINUTES: guardWindowMinutes
      ACP_SWEEP_LEASE_SECONDS: sweepLeaseSeconds
      ACP_REPROCESS_LICENSES: reprocessLicenses
      ACP_DELIVERY: delivery
      ACP_EVENT_GRID_SUBSCRIPTION: useEventGrid ? subscription().subscriptionId : ''
      ACP_EVENT_GRID_RESOURCE_GROUP: useEventGrid ? group.name : ''
      ACP_EVENT_GRID_TOPIC: useEventGrid ? topicName : ''
      ACP_EVENT_GRID_LOCATION: useEventGrid ? topicLocation : ''
      ACP_RECHECK_DELAYS: recheckDelays
      ACP_GRACE_HOURS: graceHours
      ACP_MAX_FAILURES: maxFailures
      ACP_MAX_CALLS_IN_FLIGHT: maxCallsInFlight
      ACP_REQUEST_TIMEOUT: requestTimeout
      ACP_PAGE_SIZE: pageSize
      ACP_QUEUE: queueName
      ACP_TABLE_PREFIX: tablePrefix
      ACP_LOG_USERS: logUsers
      // The app takes 16 MiB and says so; what is larger is refused before it is read whole.
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '17825792'
      ACP_JANITOR_SCHEDULE: janitorSchedule
      ACP_KEEP_RUNS_DAYS: keepRunsDays
      ACP_KEEP_HELD_DAYS: keepHeldDays
      ACP_KEEP_KEYS_DAYS: keepKeysDays
      ACP_KEEP_USERS_DAYS: keepUsersDays
      ACP_KEEP_HISTORY_DAYS: keepHistoryDays
      ACP_KEEP_POISON_DAYS: keepPoisonDays
    }
  }
  dependsOn: [
    roles
    privateEndpoints
  ]
}

module auth 'app/auth.bicep' = if (!empty(authClientId)) {
  name: 'auth'
  scope: group
  params: {
    functionAppName: names.functionApp
    clientId: authClientId
    tenantId: entraTenant
  }
  dependsOn: [
    api
  ]
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    logAnalyticsId: monitoring.outputs.workspaceId
    alertEmail: alertEmail
  }
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    applicationInsightsName: names.applicationInsights
    logAnalyticsId: monitoring.outputs.workspaceId
  }
}

// ---- what azd, the grant script and infra/eventgrid.bicep read ----

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = subscription().tenantId
output RESOURCE_GROUP string = group.name
output SERVICE_API_NAME string = names.functionApp
output SERVICE_API_URI string = api.outputs.uri
output AZURE_FUNCTION_NAME string = names.functionApp
output IDENTITY_NAME string = names.identity
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output STORAGE_ACCOUNT_NAME string = names.storage
output STORAGE_TABLE_URI string = storage.outputs.tableUri
output STORAGE_QUEUE_URI string = storage.outputs.queueUri
output EVENT_GRID_TOPIC string = useEventGrid ? topicName : ''
output DEAD_LETTER_CONTAINER string = names.deadLetterContainer
output DEAD_LETTER_IDENTITY_ID string = useEventGrid ? eventGrid!.outputs.deadLetterIdentityId : ''
output EVENT_QUEUE string = useEventQueue ? '${queueName}-events' : ''
