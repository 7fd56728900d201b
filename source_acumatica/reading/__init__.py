"""What reading any list takes: its table and fields, pages of a list that moves, decoding, each tenant's progress."""
