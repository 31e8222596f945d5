"""Jobs of other schedulers, translated: a source becomes a draft of a project, and a draft its files.

Pure: what it reads is given to it as bytes, and what it makes are texts. A room for each format.
"""

from cronbox.model.importing.detect import detect
from cronbox.model.importing.documents import Unreadable
from cronbox.model.importing.draft import Draft, Finding, Kind, Place
from cronbox.model.importing.source import Format, Options, Source
from cronbox.model.importing.translate import translate
from cronbox.model.importing.write import ProjectFiles, WrittenFile, project_files

__all__ = [
    "Draft",
    "Finding",
    "Format",
    "Kind",
    "Options",
    "Place",
    "ProjectFiles",
    "Source",
    "Unreadable",
    "WrittenFile",
    "detect",
    "project_files",
    "translate",
]
