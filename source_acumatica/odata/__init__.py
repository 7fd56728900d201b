"""Reads generic inquiries, the tables behind the forms (DACs) and lists of deleted records through OData."""
