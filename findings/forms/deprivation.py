"""The file that says how deprived the place of each postcode is."""

from findings.forms.table_file import TableFileForm


class DeprivationFileForm(TableFileForm):
    """Which file; its index and nation stand in it."""

    name = "File of deciles"
    hint = (
        "A larger one can be split: a file of the same index adds to what is there. The next page"
        " shows what would change before anything is saved."
    )
