"""Ten thousand records loaded between two simulated systems, with a crash in the middle."""
