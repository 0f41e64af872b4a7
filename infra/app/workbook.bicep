// The workbook, shown with the Application Insights resource; each chart is a file of ../queries, which the
// alerts share. Its content has the form of the "Advanced editor" of Azure workbooks: a notebook of items,
// of which type 1 is text, 3 a query and 9 the parameters.
// Source: "Microsoft.Insights workbooks", Azure resource reference.
param location string
param tags { *: string }
param applicationInsightsName string
param logAnalyticsId string

var charts = [
  {
    query: loadTextContent('../queries/ready_to_move.kql')
    name: 'ready_to_move'
    title: 'Ready to move'
    drawnAs: 'linechart'
  }
  {
    query: loadTextContent('../queries/moved_by_cause.kql')
    name: 'moved_by_cause'
    title: 'Moved by cause and day'
    drawnAs: 'barchart'
  }
  {
    query: loadTextContent('../queries/failures_by_reason.kql')
    name: 'failures_by_reason'
    title: 'Failures by reason'
    drawnAs: 'table'
  }
  {
    query: loadTextContent('../queries/waiting_by_age.kql')
    name: 'waiting_by_age'
    title: 'Waiting by age'
    drawnAs: 'linechart'
  }
  {
    query: loadTextContent('../queries/throttling.kql')
    name: 'throttling'
    title: 'Throttled answers'
    drawnAs: 'barchart'
  }
  {
    query: loadTextContent('../queries/subscription_expiry.kql')
    name: 'subscription_expiry'
    title: 'Hours that the change subscription lives'
    drawnAs: 'linechart'
  }
  {
    query: loadTextContent('../queries/delta_age.kql')
    name: 'delta_age'
    title: 'Minutes since the changes were read'
    drawnAs: 'linechart'
  }
  {
    query: loadTextContent('../queries/notification_lag.kql')
    name: 'notification_lag'
    title: 'Seconds to the notification and to the move'
    drawnAs: 'linechart'
  }
  {
    query: loadTextContent('../queries/license_age.kql')
    name: 'license_age'
    title: 'Seconds from the license to Microsoft'
    drawnAs: 'linechart'
  }
]

var workspaceType = 'microsoft.operationalinsights/workspaces'
var dayInMs = 86400000
var rangesInDays = [
  1
  7
  30
  90
]

var introduction = {
  type: 1
  content: {
    json: '## ACP Mover\n\nFrom the app\'s own log lines; docs/telemetry.md explains them.'
  }
  name: 'introduction'
}

var timeRange = {
  type: 9
  content: {
    version: 'KqlParameterItem/1.0'
    parameters: [
      {
        id: '5b0c7a0e-6a0f-4a9c-9a37-3f1d4c0e8b21'
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time range'
        type: 4
        isRequired: true
        typeSettings: {
          selectableValues: map(rangesInDays, days => { durationMs: days * dayInMs })
          allowCustom: true
        }
        value: {
          durationMs: 7 * dayInMs
        }
      }
    ]
    style: 'pills'
    queryType: 0
    resourceType: workspaceType
  }
  name: 'time range'
}

var chartItems = [
  for chart in charts: {
    type: 3
    content: {
      version: 'KqlItem/1.0'
      query: chart.query
      size: 0
      title: chart.title
      timeContextFromParameter: 'TimeRange'
      queryType: 0
      resourceType: workspaceType
      crossComponentResources: [
        logAnalyticsId
      ]
      visualization: chart.drawnAs
    }
    customWidth: '50'
    name: chart.name
  }
]

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
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([introduction, timeRange], chartItems)
      fallbackResourceIds: [
        logAnalyticsId
      ]
      '$schema': 'https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json'
    })
  }
}
