"""Calendars of business days: files that announce them, the shipped one, and the commands."""
