"""Requests to one instance of the ERP over HTTP: sign-in, licence seats, retries, and what each failure means."""
