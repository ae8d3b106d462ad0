"""An invented hospital to look at: used in demonstration mode, never where real patients are.

Everything comes from one seed and the moment of loading, so that every machine shows the same
people, patients and findings. `notifications/demonstration.py` adds who was told what.
"""

from findings.demonstration.guide import PASSWORD, Guide, people_to_show

__all__ = ["PASSWORD", "Guide", "people_to_show"]
