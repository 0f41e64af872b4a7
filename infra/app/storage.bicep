// The storage account: the app's tables and queues, its package, and undelivered events.
// The app makes its tables itself; the queues are here because the triggers listen from the start.
param location string
param tags { *: string }
param name string
param packageContainerName string
param deadLetterContainerName string
param queueName string

@description('Whether Event Grid puts its events into a queue.')
param eventQueue bool

@description('False: only private endpoints and trusted Azure services reach the account.')
param publicNetworkAccess bool
param sku string
param deleteLock bool
param deadLetterDays int

param logTableAccess bool

@description('Where the log of table access goes.')
param workspaceName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: publicNetworkAccess ? 'Allow' : 'Deny'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: packageContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: deadLetterContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'undelivered-events'
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                '${deadLetterContainerName}/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: deadLetterDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

// Who reads the saved conference IDs, whatever the tool: the log has the identity of each request.
// The stable version takes one unnamed setting per resource; Microsoft's own templates use the preview.
#disable-next-line use-recent-api-versions
resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (logTableAccess) {
  name: 'table-access'
  scope: tables
  properties: {
    workspaceId: workspace.id
    logs: [
      for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: {
        category: category
        enabled: true
      }
    ]
  }
}

// Saved entries cannot be recovered. `azd down` needs the lock removed first.
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deleteLock) {
  name: 'saved-entries'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Table replacedproviders holds numbers and conference IDs that exist nowhere else.'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

var eventQueueNames = eventQueue ? ['${queueName}-events', '${queueName}-events-poison'] : []

// The queues that triggers listen to, and where the host puts what failed five times.
var queueNames = [
  queueName
  '${queueName}-poison'
  '${queueName}-requests'
  '${queueName}-requests-poison'
  '${queueName}-upkeep'
  '${queueName}-upkeep-poison'
  ...eventQueueNames
]

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for one in queueNames: {
    parent: queues
    name: one
  }
]

output tableUri string = account.properties.primaryEndpoints.table
output queueUri string = account.properties.primaryEndpoints.queue
