"""The records of a tenant, whichever API shows them: how they come to be, change, go, and are stamped by a clock."""
