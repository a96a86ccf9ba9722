"""Writes what the gateway's nginx is started with: python -m deploy.gateway FOLDER --http … (see --help)."""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from deploy.gateway.certificate import CertificateError
from deploy.gateway.render import Places, write_gateway


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway", description=__doc__)
    parser.add_argument("folder", type=Path, help="where it is written, and read by nginx")
    parser.add_argument("--http", required=True, help="ADDRESS:PORT for http")
    parser.add_argument("--https", required=True, help="ADDRESS:PORT for https")
    parser.add_argument("--status", required=True, help="ADDRESS:PORT for nginx's own figures")
    parser.add_argument(
        "--web", required=True, action="append", help="HOST:PORT of a web process, or unix:PATH; may be repeated"
    )
    parser.add_argument("--resolver", help="name server that knows the hosts of --web; without it, they are fixed")
    parser.add_argument("--scratch", type=Path, required=True, help="folder that nginx may write to")
    parser.add_argument("--certificates", type=Path, help="folder with fullchain.pem and privkey.pem, if there are any")
    parser.add_argument("--challenges", type=Path, help="folder of the ACME client's answers, its webroot")
    parser.add_argument("--access-log", default="/dev/stdout", help="file of the access log, or off")
    parser.add_argument("--grafana", help="HOST:PORT of Grafana, for SLIPBIN_GRAFANA_PATH")
    parser.add_argument("--running", action="store_true", help="a gateway runs: what can't be used changes nothing")
    given = vars(parser.parse_args())
    folder, is_running = given.pop("folder"), given.pop("running")
    try:
        certificate = write_gateway(folder, Places(**given), is_running=is_running)
    except CertificateError as error:
        if is_running:
            sys.exit(f"WARNING gateway: The changed certificate can't be used, the one of before stays. {error}")
        sys.exit(f"The gateway can't start: {error}")
    except ValidationError as error:
        prefix = {"SharedSettings": "MAIN_", "ConnectionSettings": "MAIN_"}.get(error.title, "SLIPBIN_")
        lines = [f"{prefix}{each['loc'][0]}".upper() + f": {each['msg']}" for each in error.errors()]
        sys.exit("The gateway can't start:\n" + "\n".join(lines))
    if certificate.warning is not None:
        print(f"WARNING gateway: {certificate.warning}", file=sys.stderr)  # noqa: T201
    print("The gateway's certificate is", "self-signed." if certificate.is_self_signed else "the operator's.")  # noqa: T201


if __name__ == "__main__":
    main()
