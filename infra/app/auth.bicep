// Easy Auth: the platform validates Entra tokens and hands the caller's app roles to the app,
// which checks them (ACP_API_ACCESS=entra). Anonymous requests pass on to the app, because Graph's
// notifications carry no token; the app refuses every other one, and its console sends people to the
// sign-in. There is no client secret: the setting named below holds the client id of the app's managed
// identity, which the app registration trusts (federated credential; `acp grant` creates it). Source:
// "Use a managed identity instead of a secret" in "Configure your App Service or Azure Functions app to
// use Microsoft Entra sign-in".
param functionAppName string
param clientId string
param tenantId string

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource auth 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            clientId
            'api://${clientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
