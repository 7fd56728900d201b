"""Tests of ``source_acumatica/contract``, a file for each module."""
