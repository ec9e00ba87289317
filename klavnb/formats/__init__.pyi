from .addresses import FIVETRAN, DatabaseSource, is_address
from .postgresql import read_database
from .recognition import FORMATS, FoundFiles, describe_expected, find_files, read_pieces, split_file

__all__ = [
    "FIVETRAN",
    "FORMATS",
    "DatabaseSource",
    "FoundFiles",
    "describe_expected",
    "find_files",
    "is_address",
    "read_database",
    "read_pieces",
    "split_file",
]
