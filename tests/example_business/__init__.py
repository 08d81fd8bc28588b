"""The example of ``docs/add-a-business.md``: its files, and a test that follows the guide."""
