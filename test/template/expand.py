"""Expands the SAM template given as the first argument into the CloudFormation template given as the second, offline."""

import json
import os
import sys

import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

# The expansion names a Region in places where CloudFormation would; no call is made.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

# What stands for the code that sam build makes: the expansion takes only what has been uploaded.
UPLOADED = "s3://bucket/code"


def expand(template):
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = UPLOADED
    # Without values: parameters stay references, so that a test sees what feeds what.
    return Translator(managed_policy_map={}, sam_parser=Parser()).translate(template, parameter_values={})


def check_uploaded(template):
    """What sam writes for CloudFormation, which takes no aliases, has none, and says the same."""
    text = yaml_dump(template)
    if any(isinstance(token, (yaml.AliasToken, yaml.AnchorToken)) for token in yaml.scan(text)):
        sys.exit("sam would upload YAML aliases, which CloudFormation refuses")
    if yaml_parse(text) != template:
        sys.exit("what sam would upload is not what the template says")


def main(source, target):
    with open(source, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    check_uploaded(template)
    expanded = expand(template)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(expanded, file, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
