// The workbook, shown with the Application Insights resource. `python -m infra.workbook` writes its
// content from ../queries. Source: "Microsoft.Insights workbooks", Azure resource reference.
param location string
param tags { *: string }
param applicationInsightsName string
param logAnalyticsId string

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(applicationInsights.id, 'acp-mover')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'ACP Mover'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: applicationInsights.id
    serializedData: replace(loadTextContent('../workbook.json'), 'LOG_ANALYTICS_ID', logAnalyticsId)
  }
}
