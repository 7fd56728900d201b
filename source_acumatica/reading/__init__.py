"""What both APIs need to read a list: tables and fields, decoding, paging, and the progress of each tenant."""
