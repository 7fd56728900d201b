"""Reads the contract-based REST API: the entities of its endpoints, the collections in them, and inquiry forms."""
