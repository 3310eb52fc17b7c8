"""Calls to services that an administrator named: identity providers."""
