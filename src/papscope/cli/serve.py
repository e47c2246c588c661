"""The command `papscope serve`: a laboratory's own second reader, as a page and over HTTP.

Takes   where to keep things, where to listen, and which models answer
Gives   a service that runs until it is stopped
Never   listens beyond this machine without accounts and TLS
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from papscope.cli.kept_options import DEFAULT_HOME, DatabaseUrl, Home, with_service_parts
from papscope.cli.terminal import told_on_terminal
from papscope.errors import SettingError


def serve(
    home: Home = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")
    ] = 8000,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A bundle's folder, or the name of a model that comes with papscope; may be "
            "given several times, the first answers where a request names none.",
            show_default="papscope's own model",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[
        int, typer.Option(min=0, help="Processor threads; 0 decides by the machine.")
    ] = 0,
    accounts: Annotated[
        bool,
        typer.Option("--accounts", help="Let people sign in even on this machine; else off it."),
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A host name by which browsers may ask; may be given several times."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="The certificate for TLS, in PEM, with its chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, in PEM.")] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy's address, whose word on the sender and on TLS is believed; may be "
            "given several times.",
        ),
    ] = None,
    session_hours: Annotated[float, typer.Option(help="After which a sign-in ends.")] = 12.0,
    retention_days: Annotated[
        int | None,
        typer.Option(min=1, help="Delete cases after this many days.", show_default="keep all"),
    ] = None,
    stop_seconds: Annotated[
        float, typer.Option(help="That requests have to end when the service is stopped.")
    ] = 20.0,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="Change a limit, as upload_bytes=500000000; may be given several times. They are "
            "listed in docs/how-to/serve.md.",
        ),
    ] = None,
) -> None:
    """Serve models as a web page and over HTTP, on this machine unless told otherwise."""
    with told_on_terminal():
        with with_service_parts():
            from papscope.serve import server
            from papscope.serve.settings import Limits, ServeSettings
        known = {one.name: type(one.default) for one in fields(Limits)}
        settings = ServeSettings(
            home=home,
            database_url=database_url,
            host=host,
            port=port,
            models=tuple(model or ()),
            device=device,
            threads=threads,
            accounts=accounts,
            names=tuple(name or ()),
            tls_certificate=tls_cert,
            tls_key=tls_key,
            behind_proxy=tuple(behind_proxy or ()),
            session_hours=session_hours,
            retention_days=retention_days,
            stop_seconds=stop_seconds,
            limits=Limits(**dict(_limit(text, known) for text in limit or ())),
        )
        server.serve(settings, lambda line: typer.echo(line, err=True))


def _limit(text: str, known: Mapping[str, type]) -> tuple[str, Any]:
    name, _, number = text.partition("=")
    if name not in known:
        raise SettingError(f"there is no limit {name!r}", hint=f"one of {', '.join(known)}")
    try:
        return name, known[name](number)
    except ValueError:
        raise SettingError(
            f"the limit {name} is {number!r}", hint=f"give a number, as {name}=100"
        ) from None
