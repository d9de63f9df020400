"""Writes samconfig.toml, the first argument, and the options of sam's commands as JSON into the second.

The options are those that sam's --help lists: the commands themselves are asked.
"""

import importlib
import json
import sys

import click
import tomlkit

# Where sam has the commands that samconfig.toml and the README use, by the names of samconfig.toml's tables.
COMMANDS = {
    "build": "samcli.commands.build.command",
    "deploy": "samcli.commands.deploy.command",
    "local_invoke": "samcli.commands.local.invoke.cli",
    "local_start_api": "samcli.commands.local.start_api.cli",
    "validate": "samcli.commands.validate.validate",
}


def options(module):
    command = importlib.import_module(module).cli
    with click.Context(command) as context:
        shown = (p for p in command.get_params(context) if isinstance(p, click.Option) and not p.hidden)
        return {p.name: p.opts + p.secondary_opts for p in shown}


def main(config, target):
    with open(config, encoding="utf-8") as file:
        text = file.read()
    written = {
        "text": text,
        "environments": {name: table for name, table in tomlkit.parse(text).unwrap().items() if name != "version"},
        "options": {name: options(module) for name, module in COMMANDS.items()},
    }
    with open(target, "w", encoding="utf-8") as file:
        json.dump(written, file, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
