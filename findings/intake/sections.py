"""Which service an examination is of (OBR-24): one that images, or one that images nothing."""

# Diagnostic service sections (OBR-24, HL7 table 0074) that image nothing. Codes that DICOM
# uses for a modality (OT, PT, SR, ES) are not among them.
_NOT_IMAGING_SECTIONS = frozenset(
    (
        "AP", "BG", "BLB", "CG", "CH", "CP", "GE", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "OSL",
        "PAR", "PAT", "PHR", "SP", "TX", "UR", "URN", "VR",
        # What others write instead.
        "BIOCHEM", "CHEM", "COAG", "CYTO", "HAEM", "HAEMATOLOGY", "HEM", "HIST", "HISTO", "MICRO",
        "PATH", "PHARM",
    )
)  # fmt: skip
_NOT_IMAGING_WORDS = (
    "patholog", "haematolog", "hematolog", "chemistry", "microbiolog", "cytolog", "immunolog",
    "virolog", "serolog", "genetic", "genomic", "laborator", "transfusion", "path,",
)  # fmt: skip


def images_nothing(section: str, code: str) -> bool:
    """Whether a section, in the sender's words and by its code, is a laboratory or the like."""
    folded = section.casefold()
    return code.upper() in _NOT_IMAGING_SECTIONS or any(
        word in folded for word in _NOT_IMAGING_WORDS
    )
