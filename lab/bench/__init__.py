"""What a change costs, beside bare workflows that do as much or as little around it, from one run."""
