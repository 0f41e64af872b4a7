// Event Grid, first stage: Microsoft Graph may create its partner topic in this resource group,
// and an identity may write undelivered events. The second stage is infra/eventgrid.bicep, or
// infra/eventgrid-queue.bicep, with which the topic's own identity does that.
param location string
param tags { *: string }
param authorizationDays int
param storageAccountName string
param deadLetterContainerName string

@description('Empty: the topic\'s own identity writes them.')
param deadLetterIdentityName string

// The registration id stands in public repositories, on no page of Microsoft: see docs/deploy.md.
var graphPartner = {
  name: 'MicrosoftGraphAPI'
  registrationId: 'c02e0126-707c-436d-b6a1-175d2748fb58'
}
var roleIds = {
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
}

resource configuration 'Microsoft.EventGrid/partnerConfigurations@2025-02-15' = {
  name: 'default'
  location: 'global'
  tags: tags
  properties: {
    partnerAuthorization: {
      defaultMaximumExpirationTimeInDays: authorizationDays
      authorizedPartnersList: [
        {
          partnerName: graphPartner.name
          partnerRegistrationImmutableId: graphPartner.registrationId
        }
      ]
    }
  }
}

resource deadLetterIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (!empty(deadLetterIdentityName)) {
  name: deadLetterIdentityName
  location: location
  tags: tags
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  parent: blobs
  name: deadLetterContainerName
}

resource writesDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deadLetterIdentityName)) {
  name: guid(deadLetters.id, deadLetterIdentity.id, roleIds.storageBlobDataContributor)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds.storageBlobDataContributor
    )
    principalId: deadLetterIdentity!.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

output deadLetterIdentityId string = empty(deadLetterIdentityName) ? '' : deadLetterIdentity.id
