"""Models, projects and keys of one store taken into another: export, import and copy."""
