"""Name policy: which names an authority or a provisioner certifies (step-ca's ``authority.policy``).

A policy has allow and deny rules for common names, DNS names, IP addresses, e-mail addresses and URIs. Every policy
around a certificate must allow each of its names. One policy decides on one name, as step-ca's code does:

1. No rules at all: allowed. So an empty policy is no policy, whatever ``allowWildcardNames`` says.
2. No rules of the name's type: refused when there is any allow rule, else allowed.
3. A deny rule of the type matches: refused, and no allow rule helps.
4. Allow rules of the type, and none matches: refused. No allow rules of the type: allowed.

By 2 and 4 a type that has only deny rules lets everything else of that type through, also beside allow rules of other
types: ``allow.ip`` alone refuses every DNS name, and ``deny.dns: ["bad.example"]`` beside it lets every other one pass.
step-ca's documentation promises otherwise; its code, which policies in use were written against, does this.

The common name is judged last, by the rules for ``cn`` and by those of the type that it looks like. A deny rule of
either is final. Else an allow rule for ``cn`` that matches is enough; without one, the other type decides. An empty one
is not judged.

Where this is stricter than step-ca, or clearer:

- ``deny.cn`` is final. step-ca allows a denied common name that passes as a DNS name, and where a ``cn`` rule lets a
  common name pass it does not look at the deny rules for DNS names. A first deny rule for ``cn`` lets every other
  common name pass there, whatever the other rules say; here it allows nothing.
- A requested ``*.example.com`` is denied when a deny rule covers any name that it stands for; step-ca compares it with
  no rule, and under ``allowWildcardNames`` with the same wildcard only. Where there are allow rules, it takes that
  wildcard among them and ``allowWildcardNames`` to allow it; where there are none, it passes as any DNS name does.
- A deny rule for an e-mail address ignores case before the ``@``, one for a common name also width and outer spaces.
- A name that cannot be compared with the rules of its type is refused with 403 and the reason, not with 500. A DNS
  name with an underscore can be compared, and a name without rules of its type need not be.

Only names of the types in ``NameType`` can be judged: whoever puts others into a certificate (a template) must refuse
them under a policy.

``document`` reads and writes settings, ``rules`` has their syntax, ``engine`` decides.
"""
