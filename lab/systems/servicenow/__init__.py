"""A simulated ServiceNow: the Table API of one instance, with its audit trail, its encoded queries and a business rule that tells."""
