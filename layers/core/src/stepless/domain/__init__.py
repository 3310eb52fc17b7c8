"""Pure rules of a certificate authority: no AWS, no HTTP, no clock, no environment."""
