"""What `./dev servers` is made of."""
