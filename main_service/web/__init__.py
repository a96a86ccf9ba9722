"""What every page and answer needs, whatever it shows: templates, forms, headers, limits."""
