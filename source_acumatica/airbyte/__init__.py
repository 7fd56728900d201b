"""The side of Airbyte's protocol: streams of any API, records and states on their way out, and signs of progress."""
