"""Tests of ``source_acumatica/airbyte``, a file for each module."""
