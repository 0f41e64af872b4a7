// The workbook, shown with the Application Insights resource. `python -m infra.workbook` writes its
// content from ../queries. Source: "Microsoft.Insights workbooks", Azure resource reference.
param location string
param tags object
param applicationInsightsId string
param logAnalyticsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(applicationInsightsId, 'acp-mover')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'ACP Mover'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: applicationInsightsId
    serializedData: replace(loadTextContent('../workbook.json'), 'LOG_ANALYTICS_ID', logAnalyticsId)
  }
}
