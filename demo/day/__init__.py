"""One business day of a consortium as its parties keep it: files, generator, known outcome."""
