"""Custom resource: makes the authority, once; the only function that may use the root key."""

from stepless.runtime.custom_resource import AuthorityResource

handler = AuthorityResource("bootstrap")
