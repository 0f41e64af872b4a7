// What needs attention's attention soon. Each query is a file of ../queries, which the workbook shares.
// Source: "Microsoft.Insights scheduledQueryRules" and "actionGroups", Azure resource reference.
param location string
param tags { *: string }
param logAnalyticsId string

@description('Where alerts go by e-mail; empty: they show in the portal only.')
param alertEmail string = ''

// A rule fires when the column `measure` of its query, aggregated over the window, crosses the threshold.
var rules = [
  {
    name: 'acp-poison-messages'
    title: 'ACP Mover: poison messages'
    description: 'A queue message failed repeatedly, or is none. docs/operations.md, "poison".'
    severity: 2
    query: loadTextContent('../queries/poison_messages.kql')
    aggregation: 'Maximum'
    measure: 'lines'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT30M'
    lookBack: 'PT30M'
  }
  {
    name: 'acp-needs-attention'
    title: 'ACP Mover: more users need a person'
    description: 'The list has grown. `acp attention` shows who and why.'
    severity: 3
    query: loadTextContent('../queries/needs_attention.kql')
    aggregation: 'Maximum'
    measure: 'grown'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT1H'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-delta-age'
    title: 'ACP Mover: changes are not read'
    description: 'For over 30 minutes nobody has asked Graph what changed, or the app is silent. `acp doctor` says why.'
    severity: 1
    query: loadTextContent('../queries/delta_age.kql')
    aggregation: 'Minimum'
    measure: 'delta_age_minutes'
    operator: 'GreaterThan'
    threshold: 30
    every: 'PT5M'
    window: 'PT15M'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-subscription-expiry'
    title: 'ACP Mover: the change subscription ends'
    description: 'Within a day Graph stops sending changes. Check the log of keep_subscription.'
    severity: 2
    query: loadTextContent('../queries/subscription_expiry.kql')
    aggregation: 'Maximum'
    measure: 'hours_left'
    operator: 'LessThan'
    threshold: 24
    every: 'PT30M'
    window: 'PT1H'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-failure-share'
    title: 'ACP Mover: many attempts fail'
    description: 'More than one in ten looks failed within an hour. The workbook has the reasons.'
    severity: 2
    query: loadTextContent('../queries/failure_share.kql')
    aggregation: 'Maximum'
    measure: 'failed_percent'
    operator: 'GreaterThan'
    threshold: 10
    every: 'PT15M'
    window: 'PT1H'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-held-users'
    title: 'ACP Mover: the guard holds users'
    description: 'More users than permitted would lose their conference ID. `acp held` lists them; `acp release RUN` or `acp discard RUN` decides.'
    severity: 2
    query: loadTextContent('../queries/held_users.kql')
    aggregation: 'Maximum'
    measure: 'held'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT1H'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-paused'
    title: 'ACP Mover: changes are paused'
    description: 'Nobody is changed. `acp status` says who paused and why; `acp pause --off` ends it.'
    severity: 3
    query: loadTextContent('../queries/paused.kql')
    aggregation: 'Maximum'
    measure: 'paused'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT1H'
    lookBack: 'PT1H'
  }
  {
    name: 'acp-failed-sweep'
    title: 'ACP Mover: a sweep failed'
    description: '`acp run RUN` shows why.'
    severity: 2
    query: loadTextContent('../queries/failed_sweep.kql')
    aggregation: 'Maximum'
    measure: 'failed'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT1H'
    window: 'P2D'
    lookBack: 'P2D'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'acp-administrators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'acp-mover'
    enabled: true
    emailReceivers: empty(alertEmail)
      ? []
      : [
          {
            name: 'administrator'
            emailAddress: alertEmail
            useCommonAlertSchema: true
          }
        ]
  }
}

// The queries are not validated by Azure: in a new workspace AppTraces may not be there yet, and the
// deployment would fail. `make check` has Kusto's own parser read them.
resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [
        logAnalyticsId
      ]
      evaluationFrequency: rule.every
      windowSize: rule.window
      overrideQueryTimeRange: rule.lookBack
      autoMitigate: true
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.aggregation
            metricMeasureColumn: rule.measure
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [
          people.id
        ]
      }
    }
  }
]
