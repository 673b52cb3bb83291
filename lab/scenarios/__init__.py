"""The scenario corpus and its runner."""
