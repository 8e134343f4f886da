"""The page reports/parity.html: its template's parts, its style and scripts, and the points as compact data."""
