"""OData: generic inquiries, the tables behind the forms, and the records that were deleted."""
