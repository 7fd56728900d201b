"""The endpoints and entities that the site serves, with the recipes of their values."""
