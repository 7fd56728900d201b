"""What both APIs exchange with a client: requests, answers, and what their `$filter` languages have in common."""
