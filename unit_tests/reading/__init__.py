"""Tests of ``source_acumatica/reading``, a file for each module."""
