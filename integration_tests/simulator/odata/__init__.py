"""OData in both generations: generic inquiries, and the tables behind the forms (DACs) with their deleted records."""
