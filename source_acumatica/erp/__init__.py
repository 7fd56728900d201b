"""One instance of the ERP over HTTP: sign-in, licence seats, requests until they are answered, what failures mean."""
