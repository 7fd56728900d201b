"""Tests of ``source_acumatica/erp``, a file for each module."""
