"""Prepares `template.yaml` for the embedded AWS as `sam package` does for the real one.

Local code becomes a zip in a bucket, nested templates become objects there, and their addresses are
written into the template. One thing is changed on the way: `!Ref` of a secret is its name on
ministack and its ARN on AWS; `!GetAtt Secret.Id` is the ARN on both.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepless_dev.template import TemplateError, load_yaml

BUCKET = "stepless-artifacts"
# ministack reads the bucket and the key from the address and asks nobody else. It has no port in it:
# an address that differs from run to run would make every nested stack look changed.
BUCKET_URL = f"https://s3.us-east-1.amazonaws.com/{BUCKET}"
_CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
_NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}
_TRANSFORMATION = "1"  # part of the digest: a new transformation deploys anew


@dataclass(frozen=True, slots=True)
class Package:
    """Everything a deployment uploads."""

    root_key: str
    objects: dict[str, bytes]

    @property
    def digest(self) -> str:
        """Changes when the deployed templates would; code is run from its folder, not from here."""
        templates = [key for key in self.objects if key.endswith(".json")]
        return hashlib.sha256("\n".join([_TRANSFORMATION, *sorted(templates)]).encode()).hexdigest()


def build_package(path: Path) -> Package:
    """Packages a root template and everything it names.

    Raises:
        TemplateError: a nested template's address is not a path.
    """
    objects: dict[str, bytes] = {}
    return Package(_add_template(path, objects), objects)


def _add_template(path: Path, objects: dict[str, bytes]) -> str:
    document = with_secret_arns(load_yaml(path))
    for name, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        code, nested = _CODE.get(resource["Type"]), _NESTED.get(resource["Type"])
        if code:
            key = f"code/{name}.zip"
            objects[key] = _zip(path.parent / properties[code])
            properties[code] = f"s3://{BUCKET}/{key}"
        elif nested:
            if not isinstance(properties[nested], str):
                raise TemplateError(f"{name}: {nested} is not a path.")
            child = _add_template(path.parent / properties[nested], objects)
            properties[nested] = f"{BUCKET_URL}/{child}"
    text = json.dumps(document, sort_keys=True).encode()
    key = f"templates/{path.stem}-{hashlib.sha256(text).hexdigest()[:16]}.json"
    objects[key] = text
    return key


def with_secret_arns(document: dict[str, Any]) -> dict[str, Any]:
    """The template with references to its secrets in the form that is an ARN everywhere."""
    secrets = {
        name for name, resource in document["Resources"].items() if resource["Type"] == "AWS::SecretsManager::Secret"
    }

    def visit(node: Any) -> Any:
        if isinstance(node, list):
            return [visit(child) for child in node]
        if not isinstance(node, dict):
            return node
        if node.keys() == {"Ref"} and node["Ref"] in secrets:
            return {"Fn::GetAtt": [node["Ref"], "Id"]}
        return {key: visit(child) for key, child in node.items()}

    return visit(document)  # type: ignore[no-any-return]  # a dict in, a dict out


def _zip(folder: Path) -> bytes:
    """A folder as a zip that depends on its content alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return buffer.getvalue()
