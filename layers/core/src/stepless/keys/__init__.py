"""Private keys of the authority: KMS-encrypted blobs by default, or keys that never leave KMS, behind one type."""
