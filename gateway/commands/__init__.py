"""The verbs of the command line, by subject. Heavy imports stay inside the functions: `accord --help` must be quick."""
