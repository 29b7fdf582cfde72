"""The history of the ledger's tables, run by Alembic."""

# The last step's; known without loading Alembic, which takes longer than all that an up-to-date ledger needs.
NEWEST = "0021"
