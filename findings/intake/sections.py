"""Whether an examination is of imaging: by its service (OBR-24), its specimen, what it is called.

Only what nobody images is told from imaging. What could be either is taken for imaging, since a
report of imaging that is held keeps somebody waiting.
"""

import re

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


# Sections that image, whatever else is said: HL7 table 0074, DICOM's modalities and common words.
_IMAGING_SECTIONS = frozenset(
    (
        "BMD", "CR", "CT", "CTH", "CUS", "DEXA", "DG", "DX", "FL", "FLUORO", "IVUS", "MAMMO", "MG",
        "MR", "MRI", "NM", "NMR", "NMS", "OUS", "PET", "PT", "RAD", "RF", "RG", "RUS", "US", "VUS",
        "XA", "XR", "XRAY", "XRC",
    )
)  # fmt: skip
# OBR-15 (table 0070) and OBR-4. Imaging writes what is imaged into OBR-15, which is none of these.
_FLUID = re.compile(
    r"BLD[ACV]?|SER|PLAS|URC?|CSF|STL|SPT|.*\b(?:blood|serum|plasma|urine)\b.*", re.I
)
_LABORATORY = re.compile(
    r"\b(?:(?:histo|cyto)?pathology|histolog\w+|cytolog\w+|ha?ematolog\w+|microbiolog\w+"
    r"|biochemi\w+|virolog\w+|serolog\w+|genetic\w*|genomic\w*|sequencing|culture|urine|serum"
    r"|blood (?:count|gas|gases|culture|film)|full blood|urea|electrolytes|lipids?|vital signs"
    r"|(?:win|co|tele)path)\b",
    re.IGNORECASE,
)
_IMAGING = re.compile(
    r"\b(?:ct|mri?|us|xr|nm|pet|ultraso\w+|x-?rays?|radio(?:graph|log)\w*|\w*scans?|imaging|echo\w*"
    r"|doppler|dexa|fluoro\w*|(?!ha?emogra)\w{3,}gra(?:phy|m|ms)|guided|isotope\w*|barium|contrast)\b",
    re.IGNORECASE,
)


def images(section: str) -> bool:
    """Whether a code of OBR-24 is of imaging, whatever else is said."""
    return section.upper() in _IMAGING_SECTIONS


def is_laboratory(specimen: str, name: str, whole: str) -> bool:
    """Where OBR-24 does not say: whether the source of a specimen (OBR-15; "SPM": there is one),
    the name of the examination or OBR-4 as a whole, its lists of codes too, is of what nobody
    images."""
    if _IMAGING.search(name):
        return False
    return bool(specimen == "SPM" or _FLUID.fullmatch(specimen) or _LABORATORY.search(whole))
