"""DynamoDB: the only code that knows tables, keys and attribute names (``docs/table-design.md``)."""
