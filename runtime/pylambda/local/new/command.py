"""`pylambda new`: its arguments, what it says, and its exit codes: 0 when the project is there, 2 when it cannot be."""

import argparse
from pathlib import Path

from pylambda.local.commands import add_command, complain
from pylambda.local.new import project


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    parser = add_command(
        commands,
        "new",
        "make a project that runs, has a test and can be deployed",
        ", in a new folder of its name.",
        "Exits 0 when the project is there, 2 when it cannot be made.",
    )
    parser.add_argument("name", metavar="NAME", help="of the project, its folder and its function, such as my-function")
    parser.add_argument("--web", choices=project.WEB, default="", help="a web app in place of a handler")
    parser.add_argument("--stream", action="store_true", help="stream the response")
    parser.add_argument(
        "--iac", choices=project.IAC, action="append", default=[], help="files that deploy it; may be given again"
    )
    parser.add_argument("--ci", choices=project.HOSTS, default="", help="a pipeline that tests and ships it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the project; return the exit code."""
    name = arguments.name
    choice = project.Choice(name, arguments.web, arguments.stream, tuple(arguments.iac), arguments.ci)
    try:
        project.check_name(name)
        places = project.write(choice, Path(name))
    except project.BadName as error:
        return complain(error)
    except FileExistsError:
        return complain(f"{name} is there already and is not an empty folder: take another name, or remove it")
    except OSError as error:
        return complain(f"cannot write {name}: {error.strerror}")
    for place in places:
        print(f"{name}/{place}")
    print(f"\nNext: cd {name}, then what its README.md says first.")
    return 0
