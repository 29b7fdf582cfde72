"""Programs that make the files which feature groups load; never imported at run time."""
