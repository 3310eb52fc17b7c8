"""stepless: a private certificate authority that speaks step-ca's protocol with no servers."""

__version__ = "0.1.0"
