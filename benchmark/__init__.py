"""Measures what the connector costs: time, memory and traffic of whole processes."""
