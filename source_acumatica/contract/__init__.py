"""The contract-based REST API: its endpoints' entities, the collections in them, and inquiry forms."""
