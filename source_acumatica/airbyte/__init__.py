"""Airbyte's protocol: the streams of both APIs, with the records, the states and the log lines that they send."""
