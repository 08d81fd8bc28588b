"""The books as files: Beancount, CSV and Excel, from what a node streams."""
