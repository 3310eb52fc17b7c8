"""HTTP dialects over the services; the only importer of FastAPI."""
