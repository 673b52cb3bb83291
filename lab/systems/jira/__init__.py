"""A simulated Jira Cloud site: issues with a workflow, JQL over an index that may lag, changelogs, signed webhooks."""
