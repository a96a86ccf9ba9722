"""Builds the runner of imports. Apart from `factory`, because only the worker loads what it needs."""

from main_service.entries.factory import EntryResources
from main_service.resources import Resources
from main_service.transfer.batches import BatchImporter
from main_service.transfer.name_checks import NameChecks
from main_service.transfer.records import SourceLimits
from main_service.transfer.runner import ImportRunner


def create_runner(resources: Resources) -> ImportRunner:
    entries = EntryResources(resources)
    importer = BatchImporter(
        sessions=resources.sessions,
        batcher=entries.batcher,
        bodies=resources.bodies,
        keys=resources.keys,
        name_checks=NameChecks(resources.limiter, resources.settings),
        policy=entries.lifetimes.user,
        public_url=resources.settings.public_url,
    )
    return ImportRunner(
        sessions=resources.sessions,
        files=resources.files,
        importer=importer,
        limits=SourceLimits.of(resources.settings),
    )
