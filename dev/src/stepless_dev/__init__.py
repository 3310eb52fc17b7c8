"""The local authority: the functions of `template.yaml` behind an HTTPS gateway over an embedded AWS."""
