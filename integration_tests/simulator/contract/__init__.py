"""The contract-based REST API: descriptions of endpoints, lists and records of entities, inquiry forms."""
