"""Two real servers over one Redis: limits that they count together, whatever becomes of it."""
