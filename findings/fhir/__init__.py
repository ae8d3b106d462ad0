"""FHIR R4 at /fhir/R4/: reports in; reports, findings as tasks, and who saw them, out.

docs/fhir.md is the profile; docs/adr says why the elements are checked and written by hand.
"""
