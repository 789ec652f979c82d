"""Papers as PDF: set by WeasyPrint in a process of its own, with EN 16931 data where a business wants it."""
