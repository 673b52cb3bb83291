"""How the outside reaches workflows: webhooks, JSON API, command line."""
