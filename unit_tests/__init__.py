"""The fast tests: no network, no container, one file for each module."""
