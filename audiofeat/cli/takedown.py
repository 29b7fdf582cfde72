"""``audiofeat takedown``: have an item found nowhere any more, or put it back."""

from typing import Annotated

import typer

from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.jobs import Lane
from audiofeat.errors import BrokerUnavailable


def takedown(
    item: Annotated[str, typer.Argument(help="Id, reference, object key, or its last part.", show_default=False)],
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Put it back; ITEM is its id.")] = False,
) -> None:
    """Hide an item from every list and every answer, whatever happens to its object; nothing of it is deleted."""
    services = Services(load_settings())
    catalogue = services.catalogue
    if not undo:
        item_id = catalogue.find_item(item).item_id
        catalogue.take_down(item_id)
        typer.echo(f"{item_id} is taken down")
        return
    job_ids = catalogue.put_back(item)
    try:
        services.queue.ring(job_ids, Lane.NORMAL)
    except BrokerUnavailable:
        typer.echo("its job waits for workers: audiofeat up", err=True)
    typer.echo(f"{item} is back")
