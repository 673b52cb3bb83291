"""Simulated vendor systems over HTTP. They import nothing of Accord."""
