"""Sheets: what of a business date concerns a party, exceptions first.

:func:`views.sheets.day.sheet` makes one; :mod:`views.sheets.views` says what it shows.
"""
