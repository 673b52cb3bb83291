"""Connector: the lab's plain JSON system."""
