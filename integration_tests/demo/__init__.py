"""The demo: two syncs a day apart from a simulated ERP, told as a user would see them."""
