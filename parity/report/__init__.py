"""Records -> parity.md and parity.html: tables.py counts, text.py words, write.py fills the templates."""
