"""Who may ask, and how much at once: sign-in, licence seats, requests in a minute."""
