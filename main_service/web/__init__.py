"""What pages and answers of all features share: templates, forms, headers, limits."""
