"""What rows and states look like to people: texts, and later fields, labels, units and links."""
