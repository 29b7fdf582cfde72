"""Wire format: the pydantic models of everything that crosses a boundary."""
