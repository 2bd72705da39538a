"""Where gradcli begins and ends: every exception becomes one message and an exit code here."""

import gc
import os
import sys
from collections.abc import Sequence

import click

from gradcli.cli import exits
from gradcli.cli.commands import gradcli
from gradcli.cli.messages import complain, describe
from gradcli.cli.streams import ReaderGone, is_reader_gone, prepare_streams, silence, tell_crashes
from gradcli.errors import GradcliError

_COMPLETE = "_GRADCLI_COMPLETE"  # click's name for it: bash_source, zsh_source, fish_source


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; nothing but SystemExit ever leaves it."""
    gc.disable()  # imports leave no garbage, and looking for it takes a twentieth of a short run
    prepare_streams()
    tell_crashes()
    arguments = list(sys.argv[1:] if args is None else args)
    code = _guarded(arguments)
    try:
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if not is_reader_gone(error):
            complain(_unwritable(error))
            code = exits.worst((code, exits.UNUSABLE))
    return code


def _guarded(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        complain(_usage_message(error))
        return exits.UNUSABLE
    except GradcliError as error:
        complain(describe(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return exits.INTERRUPTED
    except ReaderGone:  # `gradcli layers | head -1`: the reader has what it wanted
        silence(sys.stdout)
        return exits.OK
    except OSError as error:
        if is_reader_gone(error):
            silence(sys.stdout)
            return exits.OK
        if error.filename is not None:  # not about a stream: nothing that a user should ever see
            return _bug(error)
        silence(sys.stdout)
        complain(_unwritable(error))
        return exits.UNUSABLE
    except Exception as error:
        return _bug(error)


def _bug(error: Exception) -> int:
    from gradcli.cli.bug import report_bug
    from gradcli.suite.outcome import Bug

    report_bug(Bug.of(error))
    return exits.BUG


def _unwritable(error: OSError) -> str:
    return f"cannot write to standard output: {error.strerror}"


def _run(arguments: list[str]) -> int:
    if instruction := os.environ.get(_COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(gradcli, {}, "gradcli", _COMPLETE, instruction)
    with gradcli.make_context("gradcli", arguments) as context:
        code = gradcli.invoke(context)
    return code if isinstance(code, int) else exits.OK


def _usage_message(error: click.ClickException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    return f"{message}\nTry '{context.command_path} --help' for help." if context else message
