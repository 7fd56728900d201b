"""Tests of ``source_acumatica/odata``, a file for each module."""
