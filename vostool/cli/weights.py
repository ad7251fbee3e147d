"""``vostool weights``: files of weights, what is in them and where to get them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vostool.cli import options as shared
from vostool.cli.console import Messages, byte_progress, print_json, print_line, print_table, show_help_if_bare

weights_app = typer.Typer(help="Look at, check, convert and fetch files of weights.", invoke_without_command=True)

WeightsPath = Annotated[Path, typer.Argument(metavar="FILE", help="Weights: .safetensors or .pth.", show_default=False)]
AnySystem = Annotated[
    str | None,
    typer.Option("--system", metavar="NAME", help="Which network it is for.", show_default="what the file tells"),
]


@weights_app.callback()
def _weights(context: typer.Context) -> None:
    show_help_if_bare(context)


@weights_app.command("list")
def list_command(as_json: shared.Json = False) -> None:
    """List the known checkpoints, their terms, and which files are on this machine."""
    from vostool.pipelines.weights import list_installed, list_known

    known, installed = list_known(), list_installed()
    if as_json:
        print_json({"known": known, "installed": installed})
        return
    rows = [
        {"name": each["name"], "system": each["system"], "terms": each["licence"], "hosted at": each["page"],
         "fetch": "yes" if each["url"] else "", "note": each["note"]}
        for each in known
    ]  # fmt: skip
    print_table("known checkpoints; fetch: vostool weights fetch NAME gets it", rows)
    for system, paths in installed.items():
        print_line(f"{system}: {', '.join(map(str, paths)) or 'none on this machine'}")


@weights_app.command("info")
def info_command(path: WeightsPath, as_json: shared.Json = False) -> None:
    """Print what is in a file of weights: system, format, sizes, checksum, and how it was made.

    vostool weights info weights.pth
    """
    from vostool.pipelines.weights import describe_weights

    record = describe_weights(path).to_dict()
    if as_json:
        print_json(record)
        return
    metadata = {f"metadata.{name}": value for name, value in record.pop("metadata").items()}
    for name, value in (record | metadata).items():
        if value not in ("", None):
            print_line(f"{name}: {value}")


@weights_app.command("verify")
def verify_command(path: WeightsPath, system: AnySystem = None, quiet: shared.Quiet = False) -> None:
    """Check that a file of weights fits its network exactly; exit code 4 and the differences if it does not."""
    from vostool.pipelines.weights import verify_weights

    name = verify_weights(path, system)
    Messages(quiet=quiet).note(f"{path} fits {name}")


@weights_app.command("convert")
def convert_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Weights.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="File ending in .safetensors or .pth.", show_default=False)
    ],
    system: AnySystem = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="NAME", help="Which state dict of a training checkpoint that holds several."),
    ] = None,
    keeps_prefix: Annotated[
        bool, typer.Option("--prefix/--no-prefix", help="Give names in a .pth the prefix module. if they had it.")
    ] = True,
    is_half: Annotated[bool, typer.Option("--half", help="Store floats in half precision, which loses some.")] = False,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Convert weights between PyTorch's files and safetensors, bit for bit; code in a file is never run.

    vostool weights convert STM_weights.pth stm.safetensors
    """
    from vostool.pipelines.weights import convert_weights

    done = convert_weights(
        source, target, system=system, key=key, keeps_prefix=keeps_prefix, is_half=is_half, overwrite=overwrite
    )
    messages = Messages(quiet=quiet)
    taken = f", from '{done.key}'" if done.key else ""
    messages.note(f"wrote {target}: {done.num_tensors} tensors of {done.system or 'an unknown system'}{taken}")
    if done.num_rounded:
        messages.warn(f"half precision changed {done.num_rounded} of {done.num_tensors} tensors")


@weights_app.command("fetch")
def fetch_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A checkpoint of vostool weights list.")] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Any other address; needs --system.")] = None,
    system: AnySystem = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="HEX", help="What the download must be.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to.", show_default="the cache, where it is found"),
    ] = None,
    overwrite: shared.Overwrite = False,
    quiet: shared.Quiet = False,
) -> None:
    """Download weights and convert them; a download that was cut goes on where it stopped.

    vostool weights fetch stm
    """
    from vostool.pipelines.weights import FetchOptions, fetch_weights
    from vostool.weights.known import find_known

    messages = Messages(quiet=quiet)
    if name is not None:
        messages.note(f"terms of {name}: {find_known(name).licence}")
    with byte_progress(quiet=quiet) as on_bytes:
        done = fetch_weights(FetchOptions(name, url, system, sha256, output, overwrite), on_bytes)
    messages.note(f"wrote {done.target}: {done.num_tensors} tensors of {done.system}")
