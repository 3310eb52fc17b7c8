"""Small templates over Go's language and Sprig's functions, out of `small_templates.txt`."""

import re
from pathlib import Path
from typing import Final

from tests.interop.templates.cases import Case

_TEXT: Final = (Path(__file__).parent / "small_templates.txt").read_text().removesuffix("\n")
_FOUND: Final = re.split(r"\n== (\S+)\n", _TEXT)[1:]
SMALL: Final = (
    *(Case(identifier, template) for identifier, template in zip(_FOUND[::2], _FOUND[1::2], strict=True)),
    Case("user-given", "{{ toJson .Insecure.User }} {{ .Insecure.User.n }} {{ .Insecure.User.x }}", user={"n": 1}),
    Case("user-empty", "{{ toJson .Insecure.User }} {{ .Insecure.User }}", user={}),
)
