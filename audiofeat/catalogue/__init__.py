"""The ledger on SQLite or PostgreSQL: the one source of truth for items, jobs, analyses and releases."""

from audiofeat.catalogue.ledger import SqlCatalogue, open_catalogue

__all__ = ["SqlCatalogue", "open_catalogue"]
