"""Tests that run the connector against a whole Acumatica in one process."""
