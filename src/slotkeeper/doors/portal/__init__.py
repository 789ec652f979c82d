"""What customers see of their papers and of all that is theirs, by links that were mailed to them."""
