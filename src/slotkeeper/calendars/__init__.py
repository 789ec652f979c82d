"""Read, and later write, the calendars people keep elsewhere; knows no appointment."""
