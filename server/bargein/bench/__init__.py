"""``bargein bench``: scenes of people, noises and rooms through the server's own ears, and what it made of them."""
